import type { WireAddress } from '../../proto/frames.ts'
import { equal } from '../crypto/bytes.ts'
import { certify, signAsDevice } from '../crypto/devices/certificate.ts'
import { listedDevice, signNextList } from '../crypto/devices/device-list.ts'
import type { ListTip } from '../crypto/devices/device-list.ts'
import { decodeLink } from '../crypto/devices/accept-lists.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import type { KeyPair } from '../crypto/primitives/provider.ts'
import { randomBytes, randomPositive31 } from '../crypto/primitives/random.ts'
import { decodeDeviceCert, encodeDeviceCert } from '../crypto/wire/device-cert.ts'
import { encodeDeviceList } from '../crypto/wire/device-list.ts'
import { decodeOutboxEntry, encodeOutboxEntry, prefixes } from '../records.ts'
import type { Transaction } from '../store.ts'
import type { FirstKeys } from './key-server.ts'
import { endVerified, newPeer, readPeer, writePeer } from './peer.ts'
import { makeOneTime, makeRotated } from './pre-key-store.ts'
import { readSelf } from './self.ts'
import type { Self } from './self.ts'

/** One-time keys that the server has of a device, after a refill. */
export const STOCK = { oneTime: 100, kem: 20 } as const

/** One device's own secrets, newly made or got by linking. */
export interface OwnSecrets {
  readonly address: WireAddress
  readonly hosted: boolean
  readonly registrationId: number
  readonly account: KeyPair | undefined
  readonly accountKey: Uint8Array
  readonly signing: KeyPair
  readonly agreement: KeyPair
  readonly certificate: Uint8Array
  readonly list: Uint8Array
}

/** An account that goes on: its key, and where its chain of lists stands. */
export interface KnownAccount {
  readonly keys: KeyPair
  /** undefined: the chain begins. */
  readonly tip: ListTip | undefined
}

/** The account whose primary device this store was, if it was; undefined: there is none. */
export async function findAccount(
  transaction: Transaction,
  address: WireAddress,
  hosted: boolean,
): Promise<KnownAccount | undefined> {
  const before = await readSelf(transaction)
  if (before?.account === undefined || before.address.user !== address.user || before.hosted !== hosted)
    return undefined
  const own = await readPeer(transaction, address.user)
  const isOwn = own !== undefined && equal(own.list.accountKey, before.accountKey)
  return { keys: before.account, tip: isOwn ? { epoch: own.list.epoch, hash: own.hash } : undefined }
}

/**
 * Makes the keys of a primary device.
 *
 * @param known - an account key that goes on: peers see a new device of the same account then, and no new account
 */
export async function makePrimary(
  primitives: Primitives,
  address: WireAddress,
  hosted: boolean,
  known: KnownAccount | undefined,
  now: number,
): Promise<OwnSecrets> {
  const account = known?.keys ?? primitives.generateSigning()
  const signing = primitives.generateSigning()
  const agreement = primitives.generateDh()
  const registrationId = randomPositive31()
  const identity = {
    accountKey: account.publicKey,
    signingKey: signing.publicKey,
    agreementKey: agreement.publicKey,
  }
  const body = { address, hosted, registrationId, identity, createdMs: now }
  const signed = await certify(primitives, body, await signAsDevice(primitives, body, signing), account)
  const certificate = encodeDeviceCert(signed)
  const devices = [listedDevice(certificate)]
  const list = await signNextList(primitives, account, address.user, known?.tip, devices, now)
  const keys = { account, accountKey: account.publicKey, signing, agreement }
  return { address, hosted, registrationId, ...keys, certificate, list: encodeDeviceList(list) }
}

/** Makes a store that of a new device: sessions and pre-keys of an earlier one end. Returns what the server must get. */
export async function installDevice(
  primitives: Primitives,
  transaction: Transaction,
  secrets: OwnSecrets,
  now: number,
): Promise<{ readonly self: Self; readonly keys: FirstKeys }> {
  const { list, ...rest } = secrets
  const before = await readSelf(transaction)
  if (before !== undefined && !equal(before.accountKey, rest.accountKey)) await endVerified(transaction)
  await clearSessions(transaction)
  await unsealOutbox(transaction)
  const certificates = [{ cert: decodeDeviceCert(rest.certificate), bytes: rest.certificate }]
  const link = decodeLink(list)
  const own = newPeer(link, certificates, now)
  // A linked device has yet to learn the certificates of the others.
  const isWhole = link.list.devices.length === certificates.length
  writePeer(transaction, isWhole ? own : { ...own, facts: { ...own.facts, askedAt: 0 } })
  const start: Self = { ...rest, nextIds: { signed: firstId(), oneTime: firstId(), kem: firstId() }, rotatedAt: 0 }
  const rotated = await makeRotated(primitives, transaction, start, now)
  const counts = { oneTime: STOCK.oneTime, kem: STOCK.kem }
  const stocked = await makeOneTime(primitives, transaction, rotated.self, counts, now)
  const keys = { certificate: rest.certificate, list, ...rotated.made, ...stocked.made }
  return { self: stocked.self, keys }
}

/** Ends what an earlier device of this store shared with others. */
async function clearSessions(transaction: Transaction): Promise<void> {
  for (const prefix of [prefixes.session, prefixes.baseKeys, prefixes.allPreKeys]) {
    for (const { key } of await transaction.scan({ prefix, limit: 1_000_000 })) transaction.delete(key)
  }
}

/**
 * What an earlier device of this store has encrypted and not sent is encrypted again: nobody could read it. Requests
 * that it signed are void.
 */
async function unsealOutbox(transaction: Transaction): Promise<void> {
  for (const { key, value } of await transaction.scan({ prefix: prefixes.outbox, limit: 1_000_000 })) {
    const entry = decodeOutboxEntry(value)
    if (entry === undefined || entry.content.length === 0) transaction.delete(key)
    else transaction.put(key, encodeOutboxEntry({ ...entry, copies: [], sealed: false }))
  }
}

/** Of 24 bits: ids of an earlier installation seldom come again. */
function firstId(): number {
  return 1 + (new DataView(randomBytes(4).buffer).getUint32(0) >>> 8)
}
