import { compare, equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import type { VerifiedBundle } from '../devices/bundle.ts'
import { initiate } from '../handshake/initiator.ts'
import type { OwnDevice } from '../handshake/own-device.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { ratchetSuite } from '../ratchet/chain.ts'
import { canSend as ratchetCanSend } from '../ratchet/ratchet.ts'
import { encodeAddress } from '../wire/address.ts'
import type { ListReference } from '../wire/pre-key-message.ts'
import type { SessionState } from '../wire/session-state.ts'
import { initiatorSession, sealMessage } from './session.ts'
import { addSession, closeSessions, findCurrent, replaceState, sameIdentity } from './session-record.ts'
import type { SessionRecord } from './session-record.ts'

const DAY_MS = 24 * 3_600_000

/** A peer that has not answered for so long may have lost the session. */
const MAX_UNACKNOWLEDGED_MS = 30 * DAY_MS

/** When a live session is followed by a new one: the side with the lower address does it, the other one if that has not happened. */
const RENEWAL = { lower: { ageMs: 7 * DAY_MS, count: 1_000 }, higher: { ageMs: 14 * DAY_MS, count: 2_000 } }

/** Whether there is a session to send on. */
export function canSend(record: SessionRecord, nowMs: number): boolean {
  const state = findCurrent(record)
  if (state === undefined || state.closed || !ratchetCanSend(state.ratchet)) return false
  return state.acknowledged || nowMs - state.createdMs <= MAX_UNACKNOWLEDGED_MS
}

/** Whether the next message should go on a new session: there is none to send on, or the one there is has served its time. */
export function needsBundle(record: SessionRecord, nowMs: number): boolean {
  const state = findCurrent(record)
  return state === undefined || !canSend(record, nowMs) || isRenewalDue(state, nowMs)
}

function isRenewalDue({ acknowledged, local, remote, createdMs, count }: SessionState, nowMs: number): boolean {
  const lower = compare(encodeAddress(local.address), encodeAddress(remote.address)) < 0
  const limit = lower ? RENEWAL.lower : RENEWAL.higher
  return acknowledged && (nowMs - createdMs >= limit.ageMs || count >= limit.count)
}

/**
 * Starts a session, which becomes the current one; those before only receive from then on.
 *
 * @throws {CryptoError} MALFORMED for a key out of range, NOT_PERMITTED for this device's own keys
 */
export function startSession(
  primitives: Primitives,
  record: SessionRecord,
  self: OwnDevice,
  bundle: VerifiedBundle,
  nowMs: number,
): SessionRecord {
  const before = findCurrent(record)
  const another = before !== undefined && !sameIdentity(before.remote.identity, bundle.cert.identity)
  const initiation = initiate(primitives, self, bundle, another ? 1 : record.generation + 1)
  const suite = ratchetSuite(primitives)
  const state = initiatorSession(suite, self, initiation, bundle.signedPreKey.publicKey, nowMs)
  return addSession(record, state)
}

export interface SealedFor {
  readonly record: SessionRecord
  readonly payload: Uint8Array
  /** This side's ratchet key under which it went: a request to send it again names it. */
  readonly ratchetKey: Uint8Array
}

/**
 * Encrypts a content for the device on its current session.
 *
 * @param list - the newest list of this account
 * @throws {CryptoError} NO_SESSION when there is none to send on
 * @throws {RangeError} for content over `MAX_PLAINTEXT_BYTES`
 */
export function sealFor(record: SessionRecord, plaintext: Uint8Array, list: ListReference): SealedFor {
  const current = findCurrent(record)
  if (current === undefined || current.closed) throw new CryptoError('NO_SESSION', 'No session with the device')
  const { state, payload, ratchetKey } = sealMessage(current, plaintext, list)
  return { record: replaceState(record, current, state), payload, ratchetKey }
}

/**
 * The device could not read a message that went under `ratchetKey`: closes all sessions, if that is the key that messages
 * go under now. An earlier message says nothing about the present session. The same record, if nothing changes.
 */
export function closeUnreadable(record: SessionRecord, ratchetKey: Uint8Array): SessionRecord {
  const current = findCurrent(record)
  if (current === undefined || current.closed || !equal(current.ratchet.own.publicKey, ratchetKey)) return record
  return closeSessions(record)
}
