import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openFileStore } from '../../client/file-store.ts'
import { openLevel, sealPlainRecords } from '../../client/level-backend.ts'
import { NodeCipher } from '../../client/node-cipher.ts'
import { RecordSeal } from '../../client/record-seal.ts'
import { StoreKeyError } from '../../client/store.ts'
import type { Store } from '../../client/store.ts'
import { WebCipher } from '../../client/web-cipher.ts'

const CANARY = 'q8Zr1vX0-canary-7KpW'

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'parley-sealed-store-'))
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value)

const get = (store: Store, key: string): Promise<Uint8Array | undefined> =>
  store.transaction((transaction) => transaction.get(key))

const put = (store: Store, key: string, value: string): Promise<void> =>
  store.transaction(async (transaction) => transaction.put(key, bytes(value)))

async function filesWith(directory: string, wanted: string): Promise<string[]> {
  const found: string[] = []
  for (const name of await readdir(directory)) {
    const content = await readFile(join(directory, name))
    if (content.includes(wanted)) found.push(name)
  }
  return found
}

/** As the version without sealing wrote it. */
async function writePlain(directory: string, count: number): Promise<void> {
  const level = await openLevel(directory)
  for (let number = 0; number < count; number++) await level.put(`record/${number}`, bytes(`${CANARY}-${number}`))
  await level.close()
}

async function requireSealed(
  t: { deepEqual(actual: unknown, expected: unknown): unknown },
  store: Store,
  count: number,
) {
  const records = await store.transaction((transaction) => transaction.scan({ prefix: 'record/', limit: count + 1 }))
  const expected = Array.from({ length: count }, (_, number) => `record/${number}=${CANARY}-${number}`).toSorted()
  t.deepEqual(records.map(({ key, value }) => `${key}=${text(value)}`).toSorted(), expected)
}

test('no value of a store is in its files, and its key is for its owner only', async (t) => {
  const plain = await temporary()
  await writePlain(plain, 3)
  t.true((await filesWith(plain, CANARY)).length > 0)

  const directory = await temporary()
  const store = await openFileStore(directory)
  for (let number = 0; number < 3; number++) await put(store, `record/${number}`, `${CANARY}-${number}`)
  t.deepEqual(await filesWith(directory, CANARY), [])
  await store.close()
  t.deepEqual(await filesWith(directory, CANARY), [])
  const key = await stat(join(directory, 'key'))
  t.is(key.size, 32)
  t.is(key.mode & 0o777, 0o600)
  const again = await openFileStore(directory)
  await requireSealed(t, again, 3)
  await again.close()
})

test("a caller's key is written nowhere, and no other key opens the store", async (t) => {
  const directory = await temporary()
  const key = crypto.getRandomValues(new Uint8Array(32))
  const store = await openFileStore(directory, { key })
  await put(store, 'a', CANARY)
  await store.close()
  t.false((await readdir(directory)).includes('key'))
  await t.throwsAsync(openFileStore(directory), { instanceOf: StoreKeyError })
  t.false((await readdir(directory)).includes('key'))
  const other = crypto.getRandomValues(new Uint8Array(32))
  await t.throwsAsync(openFileStore(directory, { key: other }), { instanceOf: StoreKeyError })
  await t.throwsAsync(openFileStore(directory, { key: key.subarray(1) }), { instanceOf: StoreKeyError })
  const again = await openFileStore(directory, { key })
  t.is(text(await get(again, 'a')), CANARY)
  await again.close()
})

test('a store whose key file is gone or cut does not open, and loses nothing by the try', async (t) => {
  const directory = await temporary()
  const store = await openFileStore(directory)
  await put(store, 'a', CANARY)
  await store.close()
  const path = join(directory, 'key')
  const key = await readFile(path)
  await rm(path)
  await t.throwsAsync(openFileStore(directory), { instanceOf: StoreKeyError, message: /gone/ })
  await writeFile(path, key.subarray(0, 31))
  await t.throwsAsync(openFileStore(directory), { instanceOf: StoreKeyError, message: /31 bytes/ })
  await writeFile(path, key)
  const again = await openFileStore(directory)
  t.is(text(await get(again, 'a')), CANARY)
  await again.close()
})

test('a store of the version without sealing is sealed as it opens, and nothing plain is left in its files', async (t) => {
  const directory = await temporary()
  await writePlain(directory, 1_201)
  const store = await openFileStore(directory)
  await requireSealed(t, store, 1_201)
  t.deepEqual(await filesWith(directory, CANARY), [])
  await put(store, 'record/0', `${CANARY}-0`)
  await store.close()
  const again = await openFileStore(directory)
  await requireSealed(t, again, 1_201)
  await again.close()
})

test('sealing that was stopped in the middle goes on at the next opening', async (t) => {
  const directory = await temporary()
  const store = await openFileStore(directory)
  await store.close()
  await writePlain(directory, 1_201)

  // The power goes after so many values were sealed.
  const key = await readFile(join(directory, 'key'))
  const level = await openLevel(directory)
  const seal = new (class extends RecordSeal {
    left = 700
    override async seal(recordKey: string, value: Uint8Array): Promise<Uint8Array> {
      if (this.left-- === 0) throw new RangeError('stopped')
      return super.seal(recordKey, value)
    }
  })(new NodeCipher(key))
  await t.throwsAsync(sealPlainRecords(level, seal), { message: 'stopped' })
  await level.close()
  t.true((await filesWith(directory, CANARY)).length > 0)

  const again = await openFileStore(directory)
  await requireSealed(t, again, 1_201)
  t.deepEqual(await filesWith(directory, CANARY), [])
  await again.close()
})

test('a value that is damaged or that was moved reads as empty, and the others stand', async (t) => {
  const directory = await temporary()
  const store = await openFileStore(directory)
  for (const key of ['a/1', 'a/2', 'a/3', 'a/4']) await put(store, key, `value of ${key}`)
  await store.close()

  const level = await openLevel(directory)
  const [first, second, third] = await level.getMany(['\x01a/1', '\x01a/2', '\x01a/3'])
  if (first === undefined || second === undefined || third === undefined) return t.fail('No records')
  await level.put('\x01a/1', second)
  second[second.length - 1] = (second.at(-1) ?? 0) ^ 1
  await level.put('\x01a/2', second)
  await level.put('\x01a/3', third.slice(0, 5))
  await level.close()

  const again = await openFileStore(directory)
  for (const key of ['a/1', 'a/2', 'a/3']) t.is(text(await get(again, key)), '', key)
  t.is(text(await get(again, 'a/4')), 'value of a/4')
  const records = await again.transaction((transaction) => transaction.scan({ prefix: 'a/', limit: 9 }))
  t.deepEqual(
    records.map(({ value }) => text(value)),
    ['', '', '', 'value of a/4'],
  )
  await again.close()
})

test('the same value is sealed to other bytes each time', async (t) => {
  const seal = new RecordSeal(new NodeCipher(new Uint8Array(32)))
  const value = bytes(CANARY)
  const [one, two] = [await seal.seal('a', value), await seal.seal('a', value)]
  t.notDeepEqual(one, two)
  t.is(one.length, value.length + 29)
  t.deepEqual(await seal.open('a', one), value)
  t.deepEqual(await seal.open('a', two), value)
  t.is(await seal.open('b', two), undefined)
  t.is(await seal.open('a', new Uint8Array(0)), undefined)
  t.is(await seal.open('a', one.subarray(0, 28)), undefined)
})

test('Node and WebCrypto seal alike: what one sealed, the other opens', async (t) => {
  const raw = crypto.getRandomValues(new Uint8Array(32))
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
  const [node, web] = [new RecordSeal(new NodeCipher(raw)), new RecordSeal(new WebCipher(key))]
  for (const value of [new Uint8Array(0), bytes(CANARY), new Uint8Array(70_000).fill(7)]) {
    t.deepEqual(await web.open('a', await node.seal('a', value)), value)
    t.deepEqual(await node.open('a', await web.seal('a', value)), value)
    t.is(await web.open('b', await node.seal('a', value)), undefined)
  }
})
