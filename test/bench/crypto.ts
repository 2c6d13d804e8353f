/**
 * What the encryption costs: `node_modules/.bin/node test/bench/crypto.ts`.
 *
 * Each figure contains what an SDK does around it: the record of sessions is decoded before and encoded after. Shown is the
 * median of some runs, in milliseconds.
 */
import Table from 'cli-table3'
import { nodeProvider } from '../../client/crypto/primitives/node-provider.ts'
import { Primitives } from '../../client/crypto/primitives/primitives.ts'
import { tweetnaclProvider } from '../../client/crypto/primitives/tweetnacl-provider.ts'
import type { VerifiedBundle } from '../../client/crypto/devices/bundle.ts'
import { generateKem } from '../../client/crypto/primitives/kem.ts'
import { openFrom } from '../../client/crypto/sessions/receive.ts'
import { sealFor, startSession } from '../../client/crypto/sessions/send.ts'
import { decodeSessionRecord, EMPTY_RECORD, encodeSessionRecord } from '../../client/crypto/sessions/session-record.ts'
import { certHash, encodeDeviceCert } from '../../client/crypto/wire/device-cert.ts'
import { KemKind } from '../../client/crypto/wire/pre-keys.ts'
import { measureBundles } from './bundle-size.ts'
import { measureBacklog } from './crypto-backlog.ts'
import { measureFile, measureGroup } from './crypto-bulk.ts'
import { measureFirstContacts } from './crypto-contact.ts'
import { firstDevice, makePerson, NOW } from '../client/crypto/helpers/people.ts'
import type { TestDevice } from '../client/crypto/helpers/people.ts'

const RUNS = 15
const QUEUED = 1_000
const TEXT = new TextEncoder().encode('A text of some seventy characters, as people write them every day, no more.')
const LIST = { epoch: 1, hash: new Uint8Array(32) }
const UNSIGNED = { createdMs: NOW, suite: 1, signature: new Uint8Array(64) }

const [alice, bob] = [firstDevice(await makePerson(15_550_000_001)), firstDevice(await makePerson(15_550_000_002))]

function ownOf({ address, cert, agreement }: TestDevice) {
  return { address, identity: cert.identity, certificate: encodeDeviceCert(cert), agreementKeys: agreement, list: LIST }
}

function median(run: () => void, runs = RUNS): number {
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    run()
    times.push(performance.now() - start)
  }
  return times.toSorted((a, b) => a - b)[runs >> 1] as number
}

function measure(primitives: Primitives): Map<string, number> {
  const [signed, one, kem] = [primitives.generateDh(), primitives.generateDh(), generateKem()]
  const bundle: VerifiedBundle = {
    cert: bob.cert,
    certHash: certHash(encodeDeviceCert(bob.cert)),
    signedPreKey: { id: 1, publicKey: signed.publicKey, ...UNSIGNED },
    oneTimePreKey: { id: 1, publicKey: one.publicKey },
    kemPreKey: { id: 1, publicKey: kem.publicKey, ...UNSIGNED },
    kemKind: KemKind.ONE_TIME,
  }
  const preKeys = {
    signedPreKey: { id: 1, keys: signed },
    oneTimePreKey: { id: 1, keys: one },
    kemPreKey: { id: 1, oneTime: true, keys: kem },
  }
  const seal = (record: Uint8Array): [Uint8Array, Uint8Array] => {
    const sealed = sealFor(decodeSessionRecord(record), TEXT, LIST)
    return [encodeSessionRecord(sealed.record), sealed.payload]
  }
  const open = (to: TestDevice, from: TestDevice, record: Uint8Array, payload: Uint8Array): Uint8Array => {
    const incoming = { from: from.address, payload, nowMs: NOW }
    const isFirst = record.length === 0
    const before = isFirst ? EMPTY_RECORD : decodeSessionRecord(record)
    const opened = openFrom(primitives, before, ownOf(to), incoming, isFirst ? preKeys : undefined)
    if (opened.plaintext?.length !== TEXT.length) throw new Error('It did not open')
    return encodeSessionRecord(opened.record)
  }
  const start = (): Uint8Array => encodeSessionRecord(startSession(primitives, EMPTY_RECORD, ownOf(alice), bundle, NOW))
  const none = new Uint8Array()
  let hers = start()
  let payload: Uint8Array
  ;[hers, payload] = seal(hers)
  let his = open(bob, alice, none, payload)
  const figures = new Map<string, number>()
  figures.set('start a session', median(start))
  figures.set(
    'open its first message',
    median(() => open(bob, alice, none, payload)),
  )
  const [answered, answer] = seal(his)
  figures.set(
    'open the first answer (a ratchet step)',
    median(() => open(alice, bob, hers, answer)),
  )
  his = answered
  hers = open(alice, bob, hers, answer)
  ;[hers, payload] = seal(hers)
  his = open(bob, alice, his, payload)
  figures.set(
    'encrypt',
    median(() => seal(hers), 200),
  )
  ;[, payload] = seal(hers)
  figures.set(
    'decrypt in a chain',
    median(() => open(bob, alice, his, payload), 200),
  )
  const queue: Uint8Array[] = []
  for (let i = 0; i < QUEUED; i++) {
    ;[hers, payload] = seal(hers)
    queue.push(payload)
  }
  const drain = (): void => {
    let record = his
    for (const message of queue) record = open(bob, alice, record, message)
  }
  figures.set(`decrypt ${QUEUED} that waited`, median(drain, 5))
  const shuffled = queue.toReversed()
  const drainBackwards = (): void => {
    let record = his
    for (const message of shuffled) record = open(bob, alice, record, message)
  }
  figures.set(`the same, last first`, median(drainBackwards, 3))
  return figures
}

const columns: { readonly name: string; readonly figures: ReadonlyMap<string, number> }[] = []
for (const provider of [tweetnaclProvider, nodeProvider]) {
  const primitives = new Primitives(provider)
  const figures = measure(primitives)
  const group = await measureGroup(primitives)
  figures.set('encrypt for a group', group.seal)
  figures.set('open a message of a group', group.open)
  figures.set('first contact with 100 devices', await measureFirstContacts(primitives))
  columns.push({ name: provider.name, figures })
}
const head = ['ms', ...columns.map(({ name }) => name)]
const table = new Table({ style: { head: [], border: [], compact: true }, head })
for (const name of columns[0]?.figures.keys() ?? [])
  table.push([name, ...columns.map(({ figures }) => (figures.get(name) ?? Number.NaN).toFixed(3))])
console.log(table.toString())
const file = await measureFile()
console.log(
  `A file of 32 MiB: encrypted at ${file.encrypt.toFixed(0)} MiB/s, decrypted at ${file.decrypt.toFixed(0)} MiB/s`,
)
const backlogs: number[] = []
for (let i = 0; i < 3; i++) backlogs.push(await measureBacklog(QUEUED))
console.log(`A client shows ${QUEUED} that waited after ${backlogs.toSorted((a, b) => a - b)[1]?.toFixed(0)} ms`)
for (const [name, kilobytes] of await measureBundles()) console.log(`Bundle, ${name}: ${kilobytes.toFixed(1)} KB gzip`)
