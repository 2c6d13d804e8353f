import type { Copy } from '../../proto/frames.ts'
import type { Version } from '../../proto/content.ts'
import { hasPassed } from '../clock.ts'
import { decodeContent, encodeContent } from '../content.ts'
import { usableDevices } from '../crypto/devices/device-list.ts'
import { canSend, needsBundle, sealFor } from '../crypto/sessions/send.ts'
import type { OutboxEntry } from '../outbox-entry.ts'
import type { Transaction } from '../store.ts'
import type { Peer } from './peer.ts'
import { accountOf, isHosted, readPeer } from './peer.ts'
import type { Secrets } from './secrets.ts'
import { writeSent } from './send-log.ts'
import { readSessions, writeSessions } from './sessions.ts'

/** Why nothing is sent to a user before the person has decided. */
export type BlockedReason = 'IDENTITY_CHANGED' | 'DEVICE_LIST_FORK' | 'HOSTED'

/** What became of an entry that was to be encrypted. */
export type Sealed =
  | { readonly type: 'sealed'; readonly entry: OutboxEntry; readonly renew: readonly number[] }
  /** There is no device left that it could go to. */
  | { readonly type: 'nobody' }
  /** The server must be asked first: for the recipient's list, or for keys of these devices. */
  | { readonly type: 'needs'; readonly list: boolean; readonly devices: readonly number[] }
  /** Until the user decides. */
  | { readonly type: 'blocked'; readonly code: BlockedReason }
  /** The user wants nothing sent to accounts whose keys a server holds. */
  | { readonly type: 'refused'; readonly code: 'HOSTED_REFUSED' }

/** A list that was not looked at for this long is asked for again before the next message. */
const ASK_AGAIN_MS = 24 * 3600 * 1000

const HASH_BYTES = 16

/** Encrypts what waits in the outbox, for each device of its recipient. */
export class Sealer {
  readonly #secrets: Secrets

  constructor(secrets: Secrets) {
    this.#secrets = secrets
  }

  /** Copies that are there already stay as they are: a resend carries the same bytes. */
  async seal(transaction: Transaction, entry: OutboxEntry): Promise<Sealed> {
    const { self, clock, policy } = this.#secrets
    const peer = await readPeer(transaction, entry.to)
    const now = clock.now()
    if (peer === undefined || hasPassed(peer.facts.askedAt, ASK_AGAIN_MS, now))
      return { type: 'needs', list: true, devices: [] }
    if (entry.account !== undefined && entry.account !== accountOf(peer)) return { type: 'nobody' }
    if (peer.facts.forked) return { type: 'blocked', code: 'DEVICE_LIST_FORK' }
    if (!peer.facts.accepted) return { type: 'blocked', code: 'IDENTITY_CHANGED' }
    const { address } = self.current
    if (policy.hosted !== 'show' && peer.user !== address.user && isHosted(peer)) {
      if (policy.hosted === 'refuse') return { type: 'refused', code: 'HOSTED_REFUSED' }
      if (!peer.facts.hostedAccepted) return { type: 'blocked', code: 'HOSTED' }
    }
    const targets = usableDevices(peer.list, now)
      .map(({ device }) => device)
      .filter((device) => entry.to !== address.user || device !== address.device)
      .filter((device) => entry.devices?.includes(device) !== false && entry.except?.includes(device) !== true)
    if (targets.length === 0) return { type: 'nobody' }
    return this.#sealFor(transaction, entry, peer, targets)
  }

  async #sealFor(
    transaction: Transaction,
    entry: OutboxEntry,
    peer: Peer,
    targets: readonly number[],
  ): Promise<Sealed> {
    const now = this.#secrets.clock.now()
    const open: { address: { user: number; device: number }; record: Awaited<ReturnType<typeof readSessions>> }[] = []
    const copies: Copy[] = []
    const missing: number[] = []
    const renew: number[] = []
    for (const device of targets) {
      const registrationId = registrationOf(peer, device)
      const done = entry.copies.find((copy) => copy.device === device && copy.registrationId === registrationId)
      if (done !== undefined) {
        copies.push(done)
        continue
      }
      const address = { user: entry.to, device }
      const record = await readSessions(transaction, address)
      if (!canSend(record, now)) missing.push(device)
      else if (needsBundle(record, now)) renew.push(device)
      open.push({ address, record })
    }
    if (missing.length > 0) return { type: 'needs', list: false, devices: missing }
    const own = await readPeer(transaction, this.#secrets.self.current.address.user)
    if (own === undefined) return { type: 'needs', list: true, devices: [] }
    const list = { epoch: own.list.epoch, hash: own.hash }
    const plaintext = withLists(entry.content, own, peer)
    for (const { address, record } of open) {
      const sealed = sealFor(record, plaintext, list)
      writeSessions(transaction, address, sealed.record)
      const registrationId = registrationOf(peer, address.device)
      copies.push({ device: address.device, registrationId, payload: sealed.payload })
    }
    const sorted = copies.sort((a, b) => a.device - b.device)
    const done = { ...entry, copies: sorted, sealed: true }
    writeSent(transaction, done, accountOf(peer), now)
    return { type: 'sealed', entry: done, renew }
  }
}

function registrationOf(peer: Peer, device: number): number {
  return peer.list.devices.find((entry) => entry.device === device)?.registrationId ?? 0
}

/** Says which lists the sender goes by, so that nobody can show different ones to different people for long. */
function withLists(content: Uint8Array, own: Peer, peer: Peer): Uint8Array {
  const lists = own.user === peer.user ? {} : { yourList: versionOf(peer) }
  return encodeContent({ ...decodeContent(content), myList: versionOf(own), ...lists })
}

function versionOf({ list, hash }: Peer): Version {
  return { epoch: list.epoch, hash: hash.slice(0, HASH_BYTES) }
}
