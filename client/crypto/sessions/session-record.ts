import { compare, equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { purgeSkipped } from '../ratchet/skipped-keys.ts'
import { encodeIdentity } from '../wire/identity.ts'
import type { Identity } from '../wire/identity.ts'
import { decodeRecordBytes, encodeRecordBytes, MAX_SESSIONS } from '../wire/session-record.ts'
import type { SessionState } from '../wire/session-state.ts'
import { closed } from './session.ts'
import { StoredSession } from './stored-session.ts'

/** How long a session may still receive after another one has taken its place. */
const ARCHIVE_MS = 35 * 24 * 3_600_000

/**
 * The sessions with one remote device. The current one is first: the highest by generation, then by id, which both sides
 * know alike, so both send on the same one whatever the order of what reached them. The others only receive. Last stand
 * those of keys that the device no longer has.
 */
export interface SessionRecord {
  /** The highest of all sessions that ever were, of the keys that the device has now. */
  readonly generation: number
  readonly sessions: readonly StoredSession[]
}

export const EMPTY_RECORD: SessionRecord = { generation: 0, sessions: [] }

export function encodeSessionRecord({ generation, sessions }: SessionRecord): Uint8Array {
  return encodeRecordBytes({ generation, states: sessions.map((session) => session.bytes) })
}

/** A session that is damaged is passed over; the next one to be sent on is then a new one. @throws {CryptoError} CORRUPT_STATE */
export function decodeSessionRecord(bytes: Uint8Array): SessionRecord {
  try {
    const { generation, states } = decodeRecordBytes(bytes)
    return { generation, sessions: states.map((state) => StoredSession.read(state)) }
  } catch (error) {
    throw new CryptoError('CORRUPT_STATE', 'A record of sessions is damaged', { cause: error })
  }
}

/** The one that messages are sent on, even if it is closed. */
export function findCurrent({ sessions }: SessionRecord): SessionState | undefined {
  return sessions[0]?.findState()
}

/** Those that are not damaged, in their order. */
export function states({ sessions }: SessionRecord): SessionState[] {
  return sessions.map((session) => session.findState()).filter((state) => state !== undefined)
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return equal(encodeIdentity(a), encodeIdentity(b))
}

/** Puts the new state of a session in the place of the old one, as the record gave it. */
export function replaceState(record: SessionRecord, old: SessionState, state: SessionState): SessionRecord {
  const sessions = record.sessions.map((stored) => (stored.holds(old) ? StoredSession.of(state) : stored))
  return { ...record, sessions }
}

/** Whether a session of that generation and id would be the current one. */
export function wouldBeCurrent(
  record: SessionRecord,
  state: Pick<SessionState, 'generation' | 'id' | 'remote'>,
): boolean {
  const top = states(record)[0]
  return top === undefined || !sameIdentity(top.remote.identity, state.remote.identity) || order(state, top) > 0
}

/** Adds a session where the order puts it, and closes all but the current one. */
export function addSession(record: SessionRecord, added: SessionState): SessionRecord {
  const { identity } = added.remote
  const before = states(record)
  const top = before[0]
  const known = top !== undefined && sameIdentity(top.remote.identity, identity)
  const peers = before.filter((state) => known && sameIdentity(state.remote.identity, identity))
  const others = before.filter((state) => !peers.includes(state))
  const all = [...[added, ...peers].sort((a, b) => order(b, a)), ...others]
  const kept = withinLimit(all).map((state, i) => (i === 0 ? state : closed(state)))
  const generation = top === undefined || known ? Math.max(record.generation, added.generation) : added.generation
  return { generation, sessions: kept.map((state) => StoredSession.of(state)) }
}

/** Nothing is sent any more on what there is: the next message starts a new session. */
export function closeSessions(record: SessionRecord): SessionRecord {
  return { ...record, sessions: states(record).map((state) => StoredSession.of(closed(state))) }
}

/**
 * Without sessions that have been archived for 35 days, and keys of messages that have been missing for 30. To be called
 * only when all that waited has been received. The same record, if there is nothing to drop.
 */
export function purgeRecord(record: SessionRecord, nowMs: number): SessionRecord {
  const all = states(record)
  const kept = all
    .filter((_, i) => nowMs - stoppedMs(all, i) <= ARCHIVE_MS)
    .map((state) => withoutOldKeys(state, nowMs))
  const same = kept.length === record.sessions.length && kept.every((state, i) => state === all[i])
  return same ? record : { ...record, sessions: kept.map((state) => StoredSession.of(state)) }
}

function withoutOldKeys(state: SessionState, nowMs: number): SessionState {
  const skipped = purgeSkipped(state.ratchet.skipped, nowMs)
  return skipped === state.ratchet.skipped ? state : { ...state, ratchet: { ...state.ratchet, skipped } }
}

/** By generation, then by id: above 0 when `a` is higher. */
function order(a: Pick<SessionState, 'generation' | 'id'>, b: Pick<SessionState, 'generation' | 'id'>): number {
  return a.generation - b.generation || compare(a.id, b.id)
}

/** Too many: what stopped being current longest ago goes. */
function withinLimit(all: readonly SessionState[]): readonly SessionState[] {
  if (all.length <= MAX_SESSIONS) return all
  let oldest = all.length - 1
  for (let i = oldest - 1; i > 0; i--) if (stoppedMs(all, i) < stoppedMs(all, oldest)) oldest = i
  return all.filter((_, i) => i !== oldest)
}

/** When a session stopped being current: at its beginning, or when the first of the higher ones came. */
function stoppedMs(all: readonly SessionState[], index: number): number {
  const higher = all.slice(0, index).map(({ createdMs }) => createdMs)
  return higher.length === 0 ? Infinity : Math.max((all[index] as SessionState).createdMs, Math.min(...higher))
}
