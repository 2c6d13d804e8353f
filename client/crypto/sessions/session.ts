import { firstMessageData, messageData } from '../handshake/associated-data.ts'
import type { Initiation } from '../handshake/initiator.ts'
import type { Party } from '../handshake/party.ts'
import type { SessionSecrets } from '../handshake/transcript.ts'
import type { KeyPair } from '../primitives/provider.ts'
import type { RatchetSuite } from '../ratchet/chain.ts'
import { closeSending, nextToSend, receive, startInitiator, startResponder } from '../ratchet/ratchet.ts'
import { open, seal } from '../seal.ts'
import { encodePreKeyHeader, joinPreKeyMessage, withList } from '../wire/pre-key-message.ts'
import type { ListReference, PreKeyHeader } from '../wire/pre-key-message.ts'
import { decodeRatchetMessage, encodeRatchetHead, RATCHET_HEAD_BYTES } from '../wire/ratchet-message.ts'
import type { SessionPeer, SessionState } from '../wire/session-state.ts'

const MESSAGE_LABEL = 'mk'
const MAX_COUNT = 0xffffffff

/** The initiator's side of a new session. */
export function initiatorSession(
  suite: RatchetSuite,
  local: Party,
  { secrets, peer, header }: Initiation,
  firstPeerKey: Uint8Array,
  createdMs: number,
): SessionState {
  return {
    ...newSession(local, peer, secrets, header, createdMs),
    initiator: true,
    acknowledged: false,
    closed: false,
    ratchet: startInitiator(suite, secrets.sharedKey, firstPeerKey),
    pending: encodePreKeyHeader(header),
  }
}

export interface ResponderSession {
  readonly local: Party
  readonly peer: SessionPeer
  readonly secrets: SessionSecrets
  readonly header: PreKeyHeader
  /** The pair of the signed pre-key: the first ratchet keys. */
  readonly firstKeys: KeyPair
  /** There is a higher session: this one only receives. */
  readonly closed: boolean
  readonly createdMs: number
}

/** The responder's side of a new session, before its first message was opened. */
export function responderSession(of: ResponderSession): SessionState {
  return {
    ...newSession(of.local, of.peer, of.secrets, of.header, of.createdMs),
    initiator: false,
    acknowledged: true,
    closed: of.closed,
    ratchet: startResponder(of.secrets.sharedKey, of.firstKeys),
    pending: undefined,
  }
}

function newSession(
  { address, identity }: Party,
  peer: SessionPeer,
  { id, signalRoot }: SessionSecrets,
  { generation, baseKey }: PreKeyHeader,
  createdMs: number,
): Omit<SessionState, 'initiator' | 'acknowledged' | 'closed' | 'ratchet' | 'pending'> {
  const remote = { address: peer.address, identity: peer.identity, registrationId: peer.registrationId }
  return { id, generation, createdMs, count: 0, local: { address, identity }, remote, baseKey, signalRoot }
}

/** The same, only to receive: what it could send with is gone. */
export function closed(state: SessionState): SessionState {
  if (state.closed) return state
  return { ...state, closed: true, pending: undefined, ratchet: closeSending(state.ratchet) }
}

export interface SealedMessage {
  readonly state: SessionState
  readonly payload: Uint8Array
  /** This side's ratchet key under which it goes. */
  readonly ratchetKey: Uint8Array
}

/** @throws {CryptoError} NO_SESSION when it only receives, or its counter is at the end */
export function sealMessage(state: SessionState, plaintext: Uint8Array, list: ListReference): SealedMessage {
  const { local, remote, pending } = state
  const next = nextToSend(state.ratchet)
  const sealWith = (ad: Uint8Array): Uint8Array =>
    seal(next.key, MESSAGE_LABEL, ad, encodeRatchetHead(next.head), plaintext)
  let payload: Uint8Array
  if (pending === undefined) {
    payload = sealWith(messageData(local, remote))
  } else {
    const header = withList(pending, list)
    payload = joinPreKeyMessage(header, sealWith(firstMessageData(local, remote, header)))
  }
  return { state: counted({ ...state, ratchet: next.state }), payload, ratchetKey: next.head.ratchetKey }
}

export interface OpenedMessage {
  readonly state: SessionState
  /** undefined: the tag was good, the content is none. */
  readonly plaintext: Uint8Array | undefined
}

/**
 * @param message - the ratchet message, without a header before it
 * @param header - that stood before it, if one did
 * @throws {CryptoError} DUPLICATE, TOO_FAR_AHEAD, BAD_TAG, MALFORMED
 */
export function openMessage(
  suite: RatchetSuite,
  state: SessionState,
  message: Uint8Array,
  header: Uint8Array | undefined,
  nowMs: number,
): OpenedMessage {
  const { local, remote } = state
  const head = decodeRatchetMessage(message)
  const ad = header === undefined ? messageData(remote, local) : firstMessageData(remote, local, header)
  const incoming = { head, nowMs, closed: state.closed }
  const { state: ratchet, opened } = receive(suite, state.ratchet, incoming, (key) =>
    open(key, MESSAGE_LABEL, ad, RATCHET_HEAD_BYTES, message),
  )
  return { state: counted({ ...state, acknowledged: true, pending: undefined, ratchet }), plaintext: opened }
}

function counted(state: SessionState): SessionState {
  return { ...state, count: Math.min(state.count + 1, MAX_COUNT) }
}
