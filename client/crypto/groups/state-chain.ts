import { equal } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { verifyCert } from '../devices/certificate.ts'
import { decodeGroupState, groupStateBody, groupStateHash } from '../wire/group-state.ts'
import type { GroupState } from '../wire/group-state.ts'
import { requireAuthority, requireBeginning, requireSigner } from './authority.ts'

/** What the server gives at once. */
const MAX_STATES_PAGE = 100

/** From where a client follows a group. It comes end to end: by the message of who added him, or by a link. */
export interface GroupAnchor {
  readonly groupId: Uint8Array
  readonly epoch: number
  readonly stateHash: Uint8Array
}

/** A state that was judged good. */
export interface KnownState {
  readonly state: GroupState
  readonly bytes: Uint8Array
  readonly hash: Uint8Array
}

/**
 * The state that an anchor names, from the server.
 *
 * @throws {CryptoError} MALFORMED, UNKNOWN_VERSION, BAD_SIGNATURE, NOT_PERMITTED for a forged beginning;
 *   GROUP_STATE_FORK for another state of that epoch
 */
export async function acceptAnchor(
  primitives: Primitives,
  { groupId, epoch, stateHash }: GroupAnchor,
  bytes: Uint8Array,
): Promise<KnownState> {
  const found = await readSigned(primitives, groupId, epoch, bytes)
  if (epoch === 1) requireBeginning(found.state)
  if (!equal(found.hash, stateHash)) fork('Another state than the anchor names')
  return found
}

/**
 * The state after one that is known. Of the newest state of all, {@link requireCurrentSigner} is to be asked too.
 *
 * @throws {CryptoError} MALFORMED for a gap or another group, UNKNOWN_VERSION, BAD_SIGNATURE, NOT_PERMITTED;
 *   GROUP_STATE_FORK when a member built it upon another state than the one known
 */
export async function acceptNext(primitives: Primitives, previous: KnownState, bytes: Uint8Array): Promise<KnownState> {
  const { groupId, epoch } = previous.state
  const next = await readSigned(primitives, groupId, epoch + 1, bytes)
  requireSigner(previous.state, next.state)
  if (!equal(next.state.previousHash, previous.hash)) fork('A state built upon another one')
  requireAuthority(previous.state, next.state)
  return next
}

/**
 * A page of states, each after the one before. Any bad one refuses the page.
 *
 * @throws {CryptoError} as {@link acceptNext}
 */
export async function acceptPage(
  primitives: Primitives,
  from: KnownState,
  page: readonly Uint8Array[],
): Promise<KnownState[]> {
  if (page.length > MAX_STATES_PAGE) malformed(`${page.length} states at once`)
  const accepted: KnownState[] = []
  let tip = from
  for (const bytes of page) {
    tip = await acceptNext(primitives, tip, bytes)
    accepted.push(tip)
  }
  return accepted
}

/**
 * That the bytes are the state that is known for their epoch. A second one that was as good proves that somebody shows
 * different states to different members: nothing is sent to the group any more, and its members are told.
 *
 * @param before - the state before the known one, where it is kept
 * @throws {CryptoError} GROUP_STATE_FORK; MALFORMED, UNKNOWN_VERSION, BAD_SIGNATURE, NOT_PERMITTED for bytes that prove
 *   nothing
 */
export async function requireSameState(
  primitives: Primitives,
  known: KnownState,
  before: KnownState | undefined,
  bytes: Uint8Array,
): Promise<void> {
  if (equal(groupStateHash(bytes), known.hash)) return
  const { groupId, epoch } = known.state
  if (before !== undefined) {
    await acceptNext(primitives, before, bytes)
  } else {
    const { state } = await readSigned(primitives, groupId, epoch, bytes)
    if (epoch === 1) requireBeginning(state)
    else requireSigner(known.state, state)
  }
  fork('Two states of one epoch')
}

/**
 * That what a message or a distribution names is the state that is known for that epoch.
 *
 * @param hash - all of it, or its first 16 bytes
 * @throws {CryptoError} GROUP_STATE_FORK
 */
export function requireNamedState(known: KnownState, hash: Uint8Array): void {
  if (hash.length < 16 || !equal(known.hash.subarray(0, hash.length), hash)) fork('A member has another state')
}

async function readSigned(
  primitives: Primitives,
  groupId: Uint8Array,
  epoch: number,
  bytes: Uint8Array,
): Promise<KnownState> {
  const state = decodeGroupState(bytes)
  if (!equal(state.groupId, groupId)) malformed('The state of another group')
  if (state.epoch !== epoch) malformed(`State ${state.epoch} where ${epoch} is expected`)
  await verifyCert(primitives, state.signer)
  const { signingKey } = state.signer.identity
  if (!(await primitives.verify('group', groupStateBody(state), state.signature, signingKey))) {
    throw new CryptoError('BAD_SIGNATURE', 'A group state with a wrong signature')
  }
  return { state, bytes, hash: groupStateHash(bytes) }
}

function fork(message: string): never {
  throw new CryptoError('GROUP_STATE_FORK', message)
}
