import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import { equal } from '../crypto/bytes.ts'
import { acceptLists, decodeLink } from '../crypto/devices/accept-lists.ts'
import type { AcceptedList } from '../crypto/devices/accept-lists.ts'
import { checkCert } from '../crypto/devices/device-list.ts'
import type { SeenPreKey } from '../crypto/devices/pre-keys.ts'
import { CryptoError, unlessRefused } from '../crypto/errors.ts'
import { sha256 } from '../crypto/primitives/hash.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import { decodeDeviceCert, DEVICE_CERT_BYTES } from '../crypto/wire/device-cert.ts'
import type { DeviceCert } from '../crypto/wire/device-cert.ts'
import type { DeviceList } from '../crypto/wire/device-list.ts'
import { decodeRecord, encodeRecord, keys, prefixes } from '../records.ts'
import type { Transaction } from '../store.ts'
import type { ListedKeys } from './key-server.ts'

/** A device of a user, with the certificate that the list vouches for. */
export interface PeerDevice {
  readonly cert: DeviceCert
  readonly bytes: Uint8Array
}

/** Another user, or this device's, as their signed device list says; all of it was verified when it was learned. */
export interface Peer {
  readonly user: number
  readonly list: DeviceList
  readonly listBytes: Uint8Array
  /** "dlHash" */
  readonly hash: Uint8Array
  readonly devices: ReadonlyMap<number, PeerDevice>
  readonly facts: PeerFacts
}

export interface PeerFacts {
  /** The operator of a server could read what is sent to this account, now or once under the same account key. */
  readonly hosted: boolean
  /** The user was asked, and sends to this account although the operator of a server can read it. */
  readonly hostedAccepted: boolean
  /** false: the account key changed, and nothing is sent before the person has accepted that. */
  readonly accepted: boolean
  /** Two lists of one epoch were seen: nothing is sent. */
  readonly forked: boolean
  /** The user compared safety numbers under the present account key. */
  readonly verified: boolean
  /** They did so before this user's account key changed, and with it the numbers: still a changed key is for the person. */
  readonly comparedBefore?: boolean
  /** When the account key changed last, ms since 1970; undefined: never, as far as is known. */
  readonly changedAt?: number
  /** When the server was last asked, ms since 1970. */
  readonly askedAt: number
  /** The newest signed pre-keys that were seen, by device. */
  readonly seen: Readonly<Record<string, SeenPreKey>>
}

const NEW: PeerFacts = {
  hosted: false,
  hostedAccepted: false,
  accepted: true,
  forked: false,
  verified: false,
  askedAt: 0,
  seen: {},
}
const PRIMARY = 1

/** How an account key is noted beside what belongs to it. */
export function accountOf({ list }: Peer): string {
  return encodeBase64(list.accountKey)
}

/** undefined: not known, or the record is damaged; the server is asked again then. */
export async function readPeer(transaction: Transaction, user: number): Promise<Peer | undefined> {
  const record = decodeRecord<PeerFacts>(await transaction.get(keys.peer(user)))
  return record && unlessRefused(() => decodePeer(user, record.json, record.raw))
}

/** As it is stored: facts in JSON, then the certificates in the order of the list, then the list. */
function decodePeer(user: number, facts: PeerFacts, raw: Uint8Array): Peer {
  const count = raw[0] ?? 0
  const listAt = 1 + count * DEVICE_CERT_BYTES
  const { list, bytes: listBytes, hash } = decodeLink(raw.slice(listAt))
  const devices = new Map<number, PeerDevice>()
  for (let at = 1; at < listAt; at += DEVICE_CERT_BYTES) {
    const bytes = raw.slice(at, at + DEVICE_CERT_BYTES)
    const cert = decodeDeviceCert(bytes)
    devices.set(cert.address.device, { cert, bytes })
  }
  return { user, list, listBytes, hash, devices, facts }
}

/** All whom the person has compared numbers with. */
export async function readVerified(transaction: Transaction): Promise<readonly Peer[]> {
  const verified: Peer[] = []
  for (const { key, value } of await transaction.scan({ prefix: prefixes.peer, limit: 100_000 })) {
    if (decodeRecord<PeerFacts>(value)?.json.verified !== true) continue
    const peer = await readPeer(transaction, Number(key.slice(prefixes.peer.length)))
    if (peer !== undefined) verified.push(peer)
  }
  return verified
}

export function writePeer(transaction: Transaction, { user, listBytes, devices, facts }: Peer): void {
  const raw = new Uint8Array(1 + devices.size * DEVICE_CERT_BYTES + listBytes.length)
  raw[0] = devices.size
  let at = 1
  for (const { bytes } of devices.values()) {
    raw.set(bytes, at)
    at += bytes.length
  }
  raw.set(listBytes, at)
  transaction.put(keys.peer(user), encodeRecord(facts, raw))
}

/** A user whose list and certificates were verified elsewhere: this device's. */
export function newPeer(
  { list, bytes, hash }: Pick<AcceptedList, 'list' | 'bytes' | 'hash'>,
  certificates: readonly PeerDevice[],
  now: number,
): Peer {
  const devices = new Map(certificates.map((device) => [device.cert.address.device, device]))
  const facts = { ...NEW, hosted: hasHostedAccount(devices), askedAt: now }
  return { user: list.user, list, listBytes: bytes, hash, devices, facts }
}

/** An account key of somebody that a backup remembers, or that another own device has told of. */
export interface Pin {
  readonly accountKey: string
  readonly verified: boolean
  /** The person took it for theirs after another one. */
  readonly accepted?: boolean
  readonly hosted: boolean
  readonly comparedBefore?: boolean
}

function factsOf({ verified, hosted, comparedBefore = false }: Pin): Partial<PeerFacts> {
  return { verified, hosted, comparedBefore }
}

/** The own account key is another one: no number that was compared is the same any more. */
export async function endVerified(transaction: Transaction): Promise<void> {
  for (const prefix of [prefixes.peer, prefixes.pin]) {
    for (const { key, value } of await transaction.scan({ prefix, limit: 100_000 })) {
      const record = decodeRecord<Partial<PeerFacts>>(value)
      if (record?.json.verified !== true) continue
      transaction.put(key, encodeRecord({ ...record.json, verified: false, comparedBefore: true }, record.raw))
    }
  }
}

export async function readPin(transaction: Transaction, user: number): Promise<Pin | undefined> {
  return decodeRecord<Pin>(await transaction.get(keys.pin(user)))?.json
}

export function writePin(transaction: Transaction, user: number, pin: Pin): void {
  transaction.put(keys.pin(user), encodeRecord(pin))
}

export function deletePin(transaction: Transaction, user: number): void {
  transaction.delete(keys.pin(user))
}

/** What an answer of the server changed. */
export interface Learned {
  readonly peer: Peer
  /** The account key is another than before. */
  readonly identityChanged: boolean
  /** Devices that are gone, or have other keys than before: what was shared with them is over. */
  readonly gone: readonly number[]
  /** Devices that are new, or have other keys than before. Of somebody who was not known: none. */
  readonly added: readonly number[]
}

/**
 * Takes what the server says of a user, as far as the signatures bear it.
 *
 * @param known - what was known before
 * @param pin - what a backup remembers, or another own device has said
 * @param accept - whether a changed account key is accepted without asking the person, who had not verified the one before
 * @returns undefined: the server has no list
 * @throws {CryptoError} what {@link acceptLists} and {@link checkCert} say of it
 */
export async function learnPeer(
  primitives: Primitives,
  user: number,
  known: Peer | undefined,
  { lists, certificates }: ListedKeys,
  accept: boolean,
  now: number,
  pin?: Pin,
): Promise<Learned | undefined> {
  if (lists.length === 0 && known === undefined) return undefined
  const accountKey = known?.list.accountKey ?? (pin && findBase64(pin.accountKey))
  const identityChanged = accountKey !== undefined && lists.some((bytes) => isUnderAnotherKey(bytes, accountKey))
  const pinned = identityChanged ? undefined : known
  const chain = lists.length === 0 && pinned !== undefined ? [pinned.listBytes] : lists
  const account = pinned && { accountKey: pinned.list.accountKey, tip: { epoch: pinned.list.epoch, hash: pinned.hash } }
  const accepted = await acceptLists(primitives, user, account, chain, now)
  const isPinned = pin?.accountKey === encodeBase64(accepted.list.accountKey) && (!identityChanged || isDecided(pin))
  const devices = await takeCertificates(primitives, accepted.list, certificates, pinned)
  const before = pinned?.facts ?? {
    ...NEW,
    accepted: isPinned || !identityChanged || (accept && !isForThePerson(known, pin)),
    ...(isPinned ? factsOf(pin) : {}),
    ...(identityChanged ? { changedAt: now } : {}),
  }
  const hosted = before.hosted || hasHostedAccount(devices)
  const facts = { ...before, hosted, askedAt: now }
  const peer: Peer = { user, list: accepted.list, listBytes: accepted.bytes, hash: accepted.hash, devices, facts }
  return {
    peer,
    identityChanged,
    gone: known === undefined ? [] : findMissing(known, peer),
    added: known === undefined ? [] : findMissing(peer, known),
  }
}

/** Whether the person has compared or accepted the new key on another device. */
function isDecided({ verified, accepted = false }: Pin): boolean {
  return verified || accepted
}

/**
 * Whether the person decides about another account key, whatever the policy: they had compared the one before, or have
 * not decided yet about an earlier change.
 */
function isForThePerson(known: Peer | undefined, pin: Pin | undefined): boolean {
  const { verified, comparedBefore, accepted } = known?.facts ?? NEW
  if (verified || comparedBefore === true || !accepted) return true
  return pin?.verified === true || pin?.comparedBefore === true
}

function isUnderAnotherKey(listBytes: Uint8Array, accountKey: Uint8Array): boolean {
  return !equal(decodeLink(listBytes).list.accountKey, accountKey)
}

/** Those of the newest list: what is known already is not verified again. */
async function takeCertificates(
  primitives: Primitives,
  list: DeviceList,
  certificates: readonly Uint8Array[],
  known: Peer | undefined,
): Promise<Map<number, PeerDevice>> {
  const offered = new Map(certificates.map((bytes) => [decodeDeviceCert(bytes).address.device, bytes]))
  const devices = new Map<number, PeerDevice>()
  for (const { device, certHash } of list.devices) {
    const before = known?.devices.get(device)
    const bytes = offered.get(device)
    if (before !== undefined && equal(sha256(before.bytes), certHash)) devices.set(device, before)
    else if (bytes !== undefined) devices.set(device, { bytes, cert: await checkCert(primitives, list, bytes) })
    else throw new CryptoError('STALE_DEVICE_LIST', `The certificate of device ${device} is missing`)
  }
  return devices
}

/** Whether the user has more devices than this one: by the list, since a new device lacks the others' certificates. */
export function hasOtherDevices(own: Peer | undefined): boolean {
  return own !== undefined && own.list.devices.length > 1
}

/** Whether the operator of a server can read something of what is sent to the user. */
export function isHosted({ facts, devices }: Peer): boolean {
  return facts.hosted || [...devices.values()].some(({ cert }) => cert.hosted)
}

/** An account whose first device was hosted has its account key on a server, and so have all of its devices. */
function hasHostedAccount(devices: ReadonlyMap<number, PeerDevice>): boolean {
  return devices.get(PRIMARY)?.cert.hosted === true
}

/** The devices of one that the other does not have, or has with other keys. */
function findMissing(one: Peer, other: Peer): number[] {
  return [...one.devices].flatMap(([device, { bytes }]) => {
    const there = other.devices.get(device)
    return there !== undefined && equal(there.bytes, bytes) ? [] : [device]
  })
}
