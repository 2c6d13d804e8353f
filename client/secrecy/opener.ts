import type { Content, Version } from '../../proto/content.ts'
import type { WireAddress } from '../../proto/frames.ts'
import { findContent } from '../content.ts'
import { equal } from '../crypto/bytes.ts'
import { requireUsable } from '../crypto/devices/device-list.ts'
import { CryptoError } from '../crypto/errors.ts'
import { hasSession, openFrom, readHeader } from '../crypto/sessions/receive.ts'
import type { MessageHeader, OpenedFrom } from '../crypto/sessions/receive.ts'
import type { ListedDevice } from '../crypto/wire/device-list.ts'
import type { PreKeyHeader } from '../crypto/wire/pre-key-message.ts'
import { certHash, decodeDeviceCert } from '../crypto/wire/device-cert.ts'
import type { Transaction } from '../store.ts'
import { readPeer, writePeer } from './peer.ts'
import type { Peer } from './peer.ts'
import { deletePreKey, findPreKeys, noteBaseKey } from './pre-key-store.ts'
import type { Secrets } from './secrets.ts'
import { ownDevice, readSessions, writeSessions } from './sessions.ts'

/** What came out of a payload. Only `content` and `unreadable` have changed anything. */
export type Opened =
  /** `acknowledge`: the sender should hear from this device now. */
  | {
      readonly type: 'content'
      readonly content: Content
      readonly peer: Peer
      readonly acknowledge: boolean
      /** Users of whom the sender knows another device list of the same epoch than this device. */
      readonly forked: readonly number[]
    }
  /** It was the sender's, and is no content. */
  | { readonly type: 'unreadable'; readonly peer: Peer }
  /** The sender's device list must be fetched first, or this device's clock be set to judge it. */
  | { readonly type: 'unlisted' }
  /** It came before. */
  | { readonly type: 'repeated' }
  /** It cannot be opened: whoever sent it may send it again. */
  | { readonly type: 'lost'; readonly ratchetKey: Uint8Array }
  /** It was not made by anybody who keeps to the protocol. */
  | { readonly type: 'refused'; readonly code: string }

/** Opens what other devices sent to this one. */
export class Opener {
  readonly #secrets: Secrets

  constructor(secrets: Secrets) {
    this.#secrets = secrets
  }

  /** @param from - the device that the server names */
  async open(transaction: Transaction, from: WireAddress, payload: Uint8Array): Promise<Opened> {
    let header: MessageHeader | undefined
    try {
      header = readHeader(payload)
      return await this.#open(transaction, from, payload, header)
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      return outcomeOf(error, header)
    }
  }

  async #open(
    transaction: Transaction,
    from: WireAddress,
    payload: Uint8Array,
    { preKey }: MessageHeader,
  ): Promise<Opened> {
    const { primitives, self, clock } = this.#secrets
    if (!clock.isRight) return { type: 'unlisted' }
    const now = clock.now()
    const record = await readSessions(transaction, from)
    const peer = await readPeer(transaction, from.user)
    if (peer === undefined) return { type: 'unlisted' }
    const isNew = preKey !== undefined && !hasSession(record, preKey)
    const listed = requireUsable(peer.list, from.device, now)
    if (isNew) requireVouched(peer, listed, preKey)
    const preKeys = isNew ? await findPreKeys(transaction, preKey) : undefined
    const own = await ownDevice(transaction, self.current)
    const opened = openFrom(primitives, record, own, { from, payload, nowMs: now }, preKeys)
    if (!(await this.#consume(transaction, opened))) throw new CryptoError('REUSED_BASE_KEY', 'It came before')
    writeSessions(transaction, from, opened.record)
    return this.#read(transaction, peer, opened)
  }

  /** Deletes what a first message has used up; false: that message came before. */
  async #consume(transaction: Transaction, { consumed }: OpenedFrom): Promise<boolean> {
    if (consumed === undefined) return true
    if (consumed.baseKey !== undefined) {
      const noted = await noteBaseKey(transaction, consumed.baseKey)
      if (noted === 'known') return false
      // New ones are made with the next connection.
      const { self } = this.#secrets
      if (noted === 'full') self.write(transaction, { ...self.current, rotatedAt: 0 })
    }
    if (consumed.oneTimePreKeyId !== undefined) deletePreKey(transaction, 'oneTime', consumed.oneTimePreKeyId)
    if (consumed.kemOneTimePreKeyId !== undefined) deletePreKey(transaction, 'kem', consumed.kemOneTimePreKeyId)
    return true
  }

  async #read(transaction: Transaction, peer: Peer, { plaintext, acknowledge }: OpenedFrom): Promise<Opened> {
    const content = plaintext === undefined ? undefined : findContent(plaintext)
    if (content === undefined) return { type: 'unreadable', peer }
    const forked: number[] = []
    const known = await this.#compareLists(transaction, peer, content, forked)
    return { type: 'content', content, peer: known, acknowledge, forked }
  }

  /** The sender says which lists there are: a newer one is fetched before the next send, another one is a fork. */
  async #compareLists(
    transaction: Transaction,
    peer: Peer,
    { myList, yourList }: Content,
    forked: number[],
  ): Promise<Peer> {
    const known = compareList(peer, myList, forked)
    if (known !== peer) writePeer(transaction, known)
    const { user } = this.#secrets.self.current.address
    if (yourList === undefined || peer.user === user) return known
    const own = await readPeer(transaction, user)
    if (own === undefined) return known
    const compared = compareList(own, yourList, forked)
    if (compared !== own) writePeer(transaction, compared)
    return known
  }
}

/**
 * @throws {CryptoError} STALE_DEVICE_LIST: a newer list may vouch for the certificate; NO_SESSION: none will, since it is
 *   that of an earlier installation of the device
 */
function requireVouched(peer: Peer, listed: ListedDevice, { certificate, list }: PreKeyHeader): void {
  const isListed = equal(listed.certHash, certHash(certificate))
  if (isListed && peer.list.epoch >= list.epoch) return
  if (!isListed && isEarlier(peer, listed.device, certificate, list.epoch))
    throw new CryptoError('NO_SESSION', 'The sender was installed again since')
  throw new CryptoError('STALE_DEVICE_LIST', 'The sender is not listed')
}

/** Whether the list names what came after a certificate, and not something before it. */
function isEarlier(peer: Peer, device: number, certificate: Uint8Array, epoch: number): boolean {
  const { identity, createdMs } = decodeDeviceCert(certificate)
  if (equal(identity.accountKey, peer.list.accountKey)) return epoch < peer.list.epoch
  return createdMs < (peer.devices.get(device)?.cert.createdMs ?? 0)
}

function compareList(known: Peer, said: Version | undefined, forked: number[]): Peer {
  if (said === undefined || known.facts.forked) return known
  const { epoch } = known.list
  if (said.epoch > epoch) return { ...known, facts: { ...known.facts, askedAt: 0 } }
  if (said.epoch < epoch || equal(known.hash.slice(0, said.hash.length), said.hash)) return known
  forked.push(known.user)
  return { ...known, facts: { ...known.facts, forked: true } }
}

function outcomeOf(error: CryptoError, header: MessageHeader | undefined): Opened {
  switch (error.code) {
    case 'REUSED_BASE_KEY':
      return { type: 'repeated' }
    case 'STALE_DEVICE_LIST':
      return { type: 'unlisted' }
    // Repeats were told apart by their ids before: a sender that went back to an older state must begin a new session.
    case 'DUPLICATE':
    case 'NO_SESSION':
    case 'UNKNOWN_PRE_KEY':
    case 'BAD_TAG':
    case 'TOO_FAR_AHEAD':
    case 'CORRUPT_STATE':
      return header === undefined
        ? { type: 'refused', code: error.code }
        : { type: 'lost', ratchetKey: header.ratchetKey }
    default:
      return { type: 'refused', code: error.code }
  }
}
