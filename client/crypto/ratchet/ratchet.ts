import { equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { MAX_MESSAGE_NUMBER } from '../wire/ratchet-message.ts'
import type { RatchetHead } from '../wire/ratchet-message.ts'
import { MAX_CONSUMED } from '../wire/session-state.ts'
import type { RatchetState } from '../wire/session-state.ts'
import { messageKey, nextChainKey, stepRoot } from './chain.ts'
import type { RatchetSuite } from './chain.ts'
import { addSkipped, hasSkippedOf, takeSkipped } from './skipped-keys.ts'
import type { SkippedKey } from './skipped-keys.ts'

/** How many messages may be missing before one: each costs a derivation, and the sender says how many. */
const MAX_SKIP = 2_000

const NO_KEYS = new Uint8Array()

/** The initiator's: knows the peer's first ratchet key, and sends at once (Double Ratchet section 3.3). */
export function startInitiator(suite: RatchetSuite, sharedKey: Uint8Array, peerKey: Uint8Array): RatchetState {
  const own = suite.primitives.generateDh()
  const { rootKey, chainKey } = stepRoot(suite, sharedKey, own.secretKey, peerKey)
  return { ...emptyRatchet(rootKey, own), peerKey, sendingKey: chainKey }
}

/** The responder's: can send once the first message has come. */
export function startResponder(sharedKey: Uint8Array, own: KeyPair): RatchetState {
  return emptyRatchet(sharedKey, own)
}

function emptyRatchet(rootKey: Uint8Array, own: KeyPair): RatchetState {
  return {
    rootKey,
    own,
    peerKey: undefined,
    sendingKey: undefined,
    sent: 0,
    receivingKey: undefined,
    received: 0,
    previousSent: 0,
    consumed: [],
    skipped: NO_KEYS,
  }
}

export interface NextToSend {
  readonly state: RatchetState
  readonly head: RatchetHead
  readonly key: Uint8Array
}

export function canSend({ sendingKey, sent }: RatchetState): boolean {
  return sendingKey !== undefined && sent <= MAX_MESSAGE_NUMBER
}

/** The head and the key of the next message. @throws {CryptoError} NO_SESSION unless {@link canSend} */
export function nextToSend(state: RatchetState): NextToSend {
  const { own, sendingKey, sent, previousSent } = state
  if (sendingKey === undefined || sent > MAX_MESSAGE_NUMBER) throw new CryptoError('NO_SESSION', 'Nothing to send on')
  return {
    state: { ...state, sendingKey: nextChainKey(sendingKey), sent: sent + 1 },
    head: { ratchetKey: own.publicKey, previousCount: previousSent, number: sent },
    key: messageKey(sendingKey),
  }
}

/** Nothing is sent any more. This side's ratchet key stays, for what the peer still sends to it. */
export function closeSending(state: RatchetState): RatchetState {
  return { ...state, sendingKey: undefined }
}

export interface Incoming {
  readonly head: RatchetHead
  readonly nowMs: number
  /** The session only receives, so an own ratchet key would never be seen by the peer. */
  readonly closed: boolean
}

export interface Received<T> {
  readonly state: RatchetState
  readonly opened: T
}

/**
 * Opens a message and moves the ratchet. The new state exists only after `open` has accepted the message; what it throws
 * leaves the old one.
 *
 * @param open - with the key of the message; throws when the tag is wrong
 * @throws {CryptoError} DUPLICATE, TOO_FAR_AHEAD, BAD_TAG, MALFORMED
 */
export function receive<T>(
  suite: RatchetSuite,
  state: RatchetState,
  incoming: Incoming,
  open: (key: Uint8Array) => T,
): Received<T> {
  const { head } = incoming
  const skipped = takeSkipped(state.skipped, head)
  if (skipped !== undefined) return { opened: open(skipped.key), state: { ...state, skipped: skipped.left } }
  if (state.consumed.some((key) => equal(key, head.ratchetKey))) duplicate()
  return state.peerKey !== undefined && equal(state.peerKey, head.ratchetKey)
    ? receiveInChain(state, state.peerKey, incoming, open)
    : receiveInNewChain(suite, state, incoming, open)
}

function receiveInChain<T>(
  state: RatchetState,
  peerKey: Uint8Array,
  { head, nowMs }: Incoming,
  open: (key: Uint8Array) => T,
): Received<T> {
  if (state.receivingKey === undefined) throw new CryptoError('BAD_TAG', 'Nothing is sent under that key')
  if (head.number < state.received) duplicate()
  const { chainKey, keys } = advance(state.receivingKey, state.received, head.number)
  const opened = open(messageKey(chainKey))
  const skipped = addSkipped(state.skipped, peerKey, keys, nowMs)
  return { opened, state: { ...state, receivingKey: nextChainKey(chainKey), received: head.number + 1, skipped } }
}

/** The peer has answered: a step of the DH ratchet, of which a session that only receives does the first half. */
function receiveInNewChain<T>(
  suite: RatchetSuite,
  state: RatchetState,
  { head, nowMs, closed }: Incoming,
  open: (key: Uint8Array) => T,
): Received<T> {
  requireNear(head.previousCount, state)
  const half = stepRoot(suite, state.rootKey, state.own.secretKey, head.ratchetKey)
  const { chainKey, keys } = advance(half.chainKey, 0, head.number)
  const opened = open(messageKey(chainKey))
  const before = skippedOfOldChain(state, head.previousCount, nowMs)
  const received: RatchetState = {
    ...state,
    rootKey: half.rootKey,
    peerKey: head.ratchetKey,
    receivingKey: nextChainKey(chainKey),
    received: head.number + 1,
    consumed: state.peerKey === undefined ? [] : [...state.consumed, state.peerKey].slice(-MAX_CONSUMED),
    skipped: addSkipped(before, head.ratchetKey, keys, nowMs),
  }
  return { opened, state: closed ? received : startSending(suite, received, head.ratchetKey) }
}

function startSending(suite: RatchetSuite, state: RatchetState, peerKey: Uint8Array): RatchetState {
  const own = suite.primitives.generateDh()
  const { rootKey, chainKey } = stepRoot(suite, state.rootKey, own.secretKey, peerKey)
  return { ...state, rootKey, own, sendingKey: chainKey, sent: 0, previousSent: state.sent }
}

/** Without an old chain nothing can be missing from it: such a message belongs to another session. */
function requireNear(previousCount: number, { receivingKey, received }: RatchetState): void {
  if (receivingKey === undefined && previousCount > 0) throw new CryptoError('BAD_TAG', 'There is no chain before')
  if (previousCount - received > MAX_SKIP) tooFar()
}

function skippedOfOldChain(state: RatchetState, previousCount: number, nowMs: number): Uint8Array {
  const { receivingKey, peerKey, received, skipped } = state
  if (receivingKey === undefined || peerKey === undefined || previousCount <= received) return skipped
  return addSkipped(skipped, peerKey, advance(receivingKey, received, previousCount).keys, nowMs)
}

/** The chain at message `to`, and the keys of those before it. */
function advance(
  chainKey: Uint8Array,
  from: number,
  to: number,
): { readonly chainKey: Uint8Array; readonly keys: SkippedKey[] } {
  if (to - from > MAX_SKIP) tooFar()
  const keys: SkippedKey[] = []
  let current = chainKey
  for (let number = from; number < to; number++) {
    keys.push({ number, key: messageKey(current) })
    current = nextChainKey(current)
  }
  return { chainKey: current, keys }
}

function duplicate(): never {
  throw new CryptoError('DUPLICATE', 'The message was opened before')
}

function tooFar(): never {
  throw new CryptoError('TOO_FAR_AHEAD', `More than ${MAX_SKIP} messages are missing`)
}

/** Whether the ratchet has met that key of the peer. */
export function knowsKey({ peerKey, consumed, skipped }: RatchetState, key: Uint8Array): boolean {
  if (peerKey !== undefined && equal(peerKey, key)) return true
  return consumed.some((old) => equal(old, key)) || hasSkippedOf(skipped, key)
}
