import test from 'ava'
import * as fc from 'fast-check'
import { readBackup, peekBackup } from '../../../../client/crypto/backup/read-backup.ts'
import type { ExpectedBackup, StoredBackup } from '../../../../client/crypto/backup/read-backup.ts'
import { backupKeys, generateRecoveryKey, parseRecoveryKey } from '../../../../client/crypto/backup/recovery-key.ts'
import { backupFileKey, writeBackup } from '../../../../client/crypto/backup/write-backup.ts'
import type { BackupFacts } from '../../../../client/crypto/backup/write-backup.ts'
import { concat, equal, hex } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { FileEncryption } from '../../../../client/crypto/files/encrypt-file.ts'
import { hkdf } from '../../../../client/crypto/primitives/hash.ts'
import { randomBytes } from '../../../../client/crypto/primitives/random.ts'
import { encodeBackupFrame, MAX_FRAME_BODY_BYTES } from '../../../../client/crypto/wire/backup-frame.ts'
import type { BackupFrame } from '../../../../client/crypto/wire/backup-frame.ts'
import { encodeBackupHeader } from '../../../../client/crypto/wire/backup-header.ts'
import { collect, content } from '../helpers/blobs.ts'

const USER = 15550000001
const keys = backupKeys(generateRecoveryKey(), USER)
const facts: BackupFacts = { user: USER, version: 3, createdMs: 1_800_000_000_000 }
const expected: ExpectedBackup = { user: USER, newestVersion: 3, allowOlder: false }

const FRAMES: readonly BackupFrame[] = [
  { type: 'accountKey', seed: content(32) },
  { type: 'ownList', epoch: 9, hash: randomBytes(32) },
  { type: 'contact', user: 15550000002, accountKey: randomBytes(32), verified: true, hosted: false },
  { type: 'contact', user: 15550000003, accountKey: randomBytes(32), verified: false, hosted: true },
  { type: 'group', groupId: randomBytes(16), epoch: 2, stateHash: randomBytes(32) },
  { type: 'message', record: content(900) },
  { type: 'message', record: new Uint8Array(0) },
]

const stored = (bytes: Uint8Array): StoredBackup => ({ size: bytes.length, read: () => [bytes] })
const write = (frames: readonly BackupFrame[], change: Partial<BackupFacts> = {}, with_ = keys): Promise<Uint8Array> =>
  collect(writeBackup(with_, { ...facts, ...change }, frames))
const read = (bytes: Uint8Array, change: Partial<ExpectedBackup> = {}, with_ = keys): Promise<BackupFrame[]> =>
  Array.fromAsync(readBackup(with_, stored(bytes), { ...expected, ...change }))

/** A container of any bytes, as only the holder of the recovery key can make it. */
async function containerOf(plain: Uint8Array): Promise<Uint8Array> {
  const header = { ...facts, salt: randomBytes(32) }
  return concat(
    encodeBackupHeader(header),
    await collect(new FileEncryption([plain], backupFileKey(keys, header)).blob()),
  )
}

const code = (wanted: string) => ({ instanceOf: CryptoError, code: wanted })

test('a recovery key has 64 letters and digits, each as likely, and is read as people write it', (t) => {
  const counts = new Map<string, number>()
  for (let i = 0; i < 600; i++) {
    const key = generateRecoveryKey()
    t.regex(key, /^[0-9a-z]{64}$/)
    for (const character of key) counts.set(character, (counts.get(character) ?? 0) + 1)
  }
  const mean = (600 * 64) / 36
  const chi = [...counts.values()].reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0)
  t.is(counts.size, 36)
  // 35 degrees of freedom: beyond 90 once in two million runs.
  t.true(chi < 90, `${chi}`)
  const key = generateRecoveryKey()
  const written = (key.toUpperCase().match(/.{4}/g) ?? []).join(' ')
  t.is(parseRecoveryKey(` ${written}\n`), key)
  for (const wrong of ['', key.slice(1), `${key}a`, `${key.slice(1)}!`, `${key.slice(1)}ä`])
    t.throws(() => parseRecoveryKey(wrong), code('MALFORMED'))
})

test('the keys of a backup are those of the specification, and of one account', (t) => {
  const key = 'a'.repeat(64)
  const user = Uint8Array.of(0, 0, 0, 3, 0x9e, 0xd7, 0x32, 0x81)
  const derive = (name: string, size: number): string => {
    const info = concat(new TextEncoder().encode(`Parley-v1/${name}\0`), user)
    return hex(hkdf(new TextEncoder().encode(key), new Uint8Array(32), info, size))
  }
  const found = backupKeys(key, 0x3_9ed7_3281)
  t.is(hex(found.backupId), derive('backup-id', 16))
  t.is(hex(found.metaKey), derive('backup-meta', 32))
  t.is(hex(found.dataKey), derive('backup-data', 32))
  t.notDeepEqual(backupKeys(key, 0x3_9ed7_3282).backupId, found.backupId)
})

test('what a backup holds comes back, and its size tells little', async (t) => {
  const bytes = await write(FRAMES)
  t.deepEqual(await read(bytes), [...FRAMES])
  t.like(await peekBackup(stored(bytes)), facts)
  const one = await write([...FRAMES, { type: 'message', record: new Uint8Array(1) }])
  t.is(one.length, bytes.length)
  t.deepEqual(await read(await write([])), [])
})

test('backups of any frames come back, however they are cut', async (t) => {
  const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const frame: fc.Arbitrary<BackupFrame> = fc.oneof(
    fc.record({ type: fc.constant('accountKey' as const), seed: bytesOf(32) }),
    fc.record({ type: fc.constant('ownList' as const), epoch: u32, hash: bytesOf(32) }),
    fc.record({
      type: fc.constant('contact' as const),
      user: fc.integer({ min: 1, max: 999_999_999_999_999 }),
      accountKey: bytesOf(32),
      verified: fc.boolean(),
      hosted: fc.boolean(),
    }),
    fc.record({ type: fc.constant('group' as const), groupId: bytesOf(16), epoch: u32, stateHash: bytesOf(32) }),
    fc.record({ type: fc.constant('message' as const), record: fc.nat(70_000).map(content) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 5 }), fc.integer({ min: 7, max: 90_000 }), async (frames, size) => {
      const bytes = await write(frames)
      const pieces = function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
      }
      const backup = { size: bytes.length, read: pieces }
      const found = await Array.fromAsync(readBackup(keys, backup, expected))
      t.is(found.length, frames.length)
      t.true(equal(concat(...found.map(encodeBackupFrame)), concat(...frames.map(encodeBackupFrame))))
    }),
    { numRuns: 60 },
  )
})

test('another recovery key, account or version is refused, and an older one needs consent', async (t) => {
  const bytes = await write(FRAMES)
  await t.throwsAsync(read(bytes, {}, backupKeys(generateRecoveryKey(), USER)), code('BAD_TAG'))
  await t.throwsAsync(read(bytes, { user: USER + 1 }), code('MALFORMED'))
  await t.throwsAsync(read(bytes, { newestVersion: 4 }), code('NOT_PERMITTED'))
  t.is((await read(bytes, { newestVersion: 4, allowOlder: true })).length, FRAMES.length)
  t.is((await read(bytes, { newestVersion: 2 })).length, FRAMES.length)
  // A newer version written over an old header: the header is part of the key.
  const older = await write(FRAMES, { version: 2 })
  const raised = older.slice()
  raised[17] = 3
  t.is((await peekBackup(stored(raised))).version, 3)
  await t.throwsAsync(read(raised), code('BAD_TAG'))
})

test('a backup with any byte changed, or cut off at any byte, gives no frame at all', async (t) => {
  const bytes = await write(FRAMES.slice(0, 3))
  const refuse = async (changed: Uint8Array): Promise<void> => {
    const given: BackupFrame[] = []
    await t.throwsAsync(
      async () => {
        for await (const frame of readBackup(keys, stored(changed), { ...expected, newestVersion: 0 }))
          given.push(frame)
      },
      { instanceOf: CryptoError },
    )
    t.deepEqual(given, [])
  }
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    await refuse(changed)
    await refuse(bytes.slice(0, at))
  }
  await refuse(concat(bytes, Uint8Array.of(0)))
  t.is((await read(bytes)).length, 3)
})

test('a change in the last chunk keeps the first frames from being parsed', async (t) => {
  const frames = Array.from({ length: 4 }, (): BackupFrame => ({ type: 'message', record: content(60_000) }))
  const bytes = await write(frames)
  const changed = bytes.slice()
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  const pieces = readBackup(keys, stored(changed), expected)
  await t.throwsAsync(pieces.next(), code('BAD_TAG'))
  t.is((await read(bytes)).length, 4)
})

test('a backup that is exchanged for an older one between its two readings is refused', async (t) => {
  const newer = await write(FRAMES)
  const older = await write(FRAMES, { version: 1 })
  let reads = 0
  const exchanged = { size: newer.length, read: () => [++reads < 3 ? newer : older] }
  await t.throwsAsync(Array.fromAsync(readBackup(keys, exchanged, expected)), code('BAD_TAG'))
  t.is(reads, 3)
})

test('frames without their end, with a wrong count, or with something behind are refused', async (t) => {
  const frame = encodeBackupFrame({ type: 'message', record: content(10) })
  const end = (frames: number): Uint8Array => encodeBackupFrame({ type: 'end', frames })
  const unknown = Uint8Array.of(0, 0, 0, 0, 99)
  const wrong: [string, Uint8Array, string][] = [
    ['no end', frame, 'MALFORMED'],
    ['too high a count', concat(frame, end(2)), 'MALFORMED'],
    ['too low a count', concat(frame, end(0)), 'MALFORMED'],
    ['a frame behind the end', concat(end(0), frame), 'MALFORMED'],
    ['a byte behind the end', concat(end(0), Uint8Array.of(1)), 'MALFORMED'],
    ['more padding than there is', concat(end(0), new Uint8Array(600)), 'MALFORMED'],
    ['an unknown type', concat(unknown, end(1)), 'UNKNOWN_VERSION'],
    ['too long a frame', Uint8Array.of(0, 2, 0, 1, 5), 'MALFORMED'],
    ['a short body', concat(Uint8Array.of(0, 0, 0, 3, 1, 1, 2, 3), end(1)), 'MALFORMED'],
    ['nothing', new Uint8Array(0), 'MALFORMED'],
  ]
  for (const [name, plain, wanted] of wrong) await t.throwsAsync(containerOf(plain).then(read), code(wanted), name)
  t.is((await read(await containerOf(concat(frame, end(1))))).length, 1)
  t.throws(
    () => encodeBackupFrame({ type: 'message', record: new Uint8Array(MAX_FRAME_BODY_BYTES + 1) }),
    code('MALFORMED'),
  )
})
