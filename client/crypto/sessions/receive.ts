import type { WireAddress } from '../../../proto/frames.ts'
import { equal, hex } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import type { OwnDevice } from '../handshake/own-device.ts'
import { respond } from '../handshake/responder.ts'
import type { PreKeySecrets } from '../handshake/responder.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { ratchetSuite } from '../ratchet/chain.ts'
import type { RatchetSuite } from '../ratchet/chain.ts'
import { knowsKey } from '../ratchet/ratchet.ts'
import { decodeDeviceCert } from '../wire/device-cert.ts'
import { decodePreKeyMessage, PRE_KEY_HEADER_BYTES, PRE_KEY_MESSAGE } from '../wire/pre-key-message.ts'
import type { PreKeyHeader, PreKeyMessage } from '../wire/pre-key-message.ts'
import { decodeRatchetMessage } from '../wire/ratchet-message.ts'
import type { SessionPeer, SessionState } from '../wire/session-state.ts'
import { openMessage, responderSession } from './session.ts'
import type { OpenedMessage } from './session.ts'
import { addSession, findCurrent, replaceState, sameIdentity, states, wouldBeCurrent } from './session-record.ts'
import type { SessionRecord } from './session-record.ts'

/** Generations go up by one; a peer that jumps would soon leave no room. */
const MAX_GENERATION_JUMP = 65_536

/** After so many messages without one of its own a device lets the peer's ratchet turn. */
const ACKNOWLEDGE_AFTER = 200

export interface MessageHeader {
  /** The sender's ratchet key: what a request to send the message again names. */
  readonly ratchetKey: Uint8Array
  /** Of a message that starts a session. */
  readonly preKey: PreKeyHeader | undefined
}

/** What stands in the clear: what to load before a message is opened. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function readHeader(payload: Uint8Array): MessageHeader {
  if (payload[1] !== PRE_KEY_MESSAGE) return { ratchetKey: decodeRatchetMessage(payload).ratchetKey, preKey: undefined }
  const { message, ...preKey } = decodePreKeyMessage(payload)
  return { ratchetKey: decodeRatchetMessage(message).ratchetKey, preKey }
}

/** Whether the session of a first message is there already: then neither its certificate nor pre-keys are needed. */
export function hasSession(record: SessionRecord, { baseKey }: PreKeyHeader): boolean {
  return findByBaseKey(record, baseKey) !== undefined
}

/**
 * The key under which a caller remembers a first message that used up no one-time key, as long as it has the private
 * halves of both pre-keys: it begins with their ids.
 */
export function baseKeyOf({ kemPreKeyId, signedPreKeyId, baseKey }: PreKeyHeader): string {
  return `${kemPreKeyId}.${signedPreKeyId}.${hex(baseKey)}`
}

export interface IncomingMessage {
  /** The device that the server names. */
  readonly from: WireAddress
  readonly payload: Uint8Array
  readonly nowMs: number
}

/** What a first message used up: to be deleted, or remembered, together with the new record. */
export interface Consumed {
  readonly oneTimePreKeyId: number | undefined
  readonly kemOneTimePreKeyId: number | undefined
  /** See {@link baseKeyOf}; undefined where a one-time key is gone and so no second session can come of the message. */
  readonly baseKey: string | undefined
}

export interface OpenedFrom {
  readonly record: SessionRecord
  /** undefined: it was the peer's, yet no content. It does not become readable by being sent again. */
  readonly plaintext: Uint8Array | undefined
  /** The device that sent it, by the keys of the session. */
  readonly sender: SessionPeer
  /** Of a new session. */
  readonly consumed: Consumed | undefined
  /** Something should go back now, so that the peer knows that the session stands, and its ratchet turns. */
  readonly acknowledge: boolean
}

/**
 * Opens a message of a device. Whatever it throws, nothing has changed.
 *
 * @param preKeys - for a message that starts a session: then its certificate was verified before, and its base key is not
 * among those remembered
 * @throws {CryptoError} DUPLICATE, NO_SESSION, UNKNOWN_PRE_KEY, BAD_TAG, TOO_FAR_AHEAD, MALFORMED, UNKNOWN_VERSION,
 * NOT_PERMITTED
 */
export function openFrom(
  primitives: Primitives,
  record: SessionRecord,
  self: OwnDevice,
  incoming: IncomingMessage,
  preKeys?: PreKeySecrets,
): OpenedFrom {
  const suite = ratchetSuite(primitives)
  if (incoming.payload[1] !== PRE_KEY_MESSAGE) return openBare(suite, record, incoming)
  const message = decodePreKeyMessage(incoming.payload)
  const { address } = decodeDeviceCert(message.certificate)
  if (address.user !== incoming.from.user || address.device !== incoming.from.device)
    malformed('The certificate is of another device than the sender')
  const known = findByBaseKey(record, message.baseKey)
  return known === undefined
    ? openFirst(suite, record, self, message, incoming, preKeys)
    : received(record, known, openMessage(suite, known, message.message, headerOf(incoming), incoming.nowMs))
}

/** Tried first on the session that knows its ratchet key, mostly the current one, then on the others. */
function openBare(suite: RatchetSuite, record: SessionRecord, { payload, nowMs }: IncomingMessage): OpenedFrom {
  const { ratchetKey } = decodeRatchetMessage(payload)
  const knowing = record.sessions.find((session) => knows(session.findState(), ratchetKey))
  const others = record.sessions.filter((session) => session !== knowing)
  let failure: CryptoError | undefined
  for (const session of knowing === undefined ? others : [knowing, ...others]) {
    const state = session.findState()
    if (state === undefined) continue
    try {
      return received(record, state, openMessage(suite, state, payload, undefined, nowMs))
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      failure ??= error
    }
  }
  throw failure ?? new CryptoError('NO_SESSION', 'No session with the device')
}

function knows(state: SessionState | undefined, ratchetKey: Uint8Array): boolean {
  return state !== undefined && knowsKey(state.ratchet, ratchetKey)
}

function openFirst(
  suite: RatchetSuite,
  record: SessionRecord,
  self: OwnDevice,
  message: PreKeyMessage,
  incoming: IncomingMessage,
  preKeys: PreKeySecrets | undefined,
): OpenedFrom {
  if (preKeys === undefined) throw new CryptoError('UNKNOWN_PRE_KEY', 'The pre-keys of the message are not here')
  requireNearGeneration(record, message)
  const { secrets, peer } = respond(suite.primitives, self, message, preKeys)
  const place = { generation: message.generation, id: secrets.id, remote: peer }
  const session = responderSession({
    local: self,
    peer,
    secrets,
    header: message,
    firstKeys: preKeys.signedPreKey.keys,
    closed: !wouldBeCurrent(record, place),
    createdMs: incoming.nowMs,
  })
  const { state, plaintext } = openMessage(suite, session, message.message, headerOf(incoming), incoming.nowMs)
  return {
    record: addSession(record, state),
    plaintext,
    sender: state.remote,
    consumed: consumedBy(message),
    acknowledge: true,
  }
}

function received(record: SessionRecord, old: SessionState, { state, plaintext }: OpenedMessage): OpenedFrom {
  const { sent, received: count } = state.ratchet
  // Once for so many: an answer takes its time, and meanwhile more may come.
  const before = Math.floor(old.ratchet.received / ACKNOWLEDGE_AFTER)
  const silent = !state.closed && sent === 0 && Math.floor(count / ACKNOWLEDGE_AFTER) > before
  return {
    record: replaceState(record, old, state),
    plaintext,
    sender: state.remote,
    consumed: undefined,
    acknowledge: silent,
  }
}

function consumedBy(header: PreKeyHeader): Consumed {
  const { oneTimePreKeyId, kemPreKeyId, kemOneTime } = header
  return {
    oneTimePreKeyId,
    kemOneTimePreKeyId: kemOneTime ? kemPreKeyId : undefined,
    baseKey: oneTimePreKeyId === undefined && !kemOneTime ? baseKeyOf(header) : undefined,
  }
}

function requireNearGeneration(record: SessionRecord, { certificate, generation }: PreKeyHeader): void {
  const current = findCurrent(record)
  const { identity } = decodeDeviceCert(certificate)
  const same = current === undefined || sameIdentity(current.remote.identity, identity)
  if (generation - (same ? record.generation : 0) > MAX_GENERATION_JUMP) malformed('Generations go up by one')
}

function findByBaseKey(record: SessionRecord, baseKey: Uint8Array): SessionState | undefined {
  return states(record).find((state) => equal(state.baseKey, baseKey))
}

function headerOf({ payload }: IncomingMessage): Uint8Array {
  return payload.subarray(0, PRE_KEY_HEADER_BYTES)
}
