import { equal } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { decodeDeviceList, listHash } from '../wire/device-list.ts'
import type { DeviceList } from '../wire/device-list.ts'
import { LIST_LIFETIME_MS, verifyList } from './device-list.ts'
import type { ListTip } from './device-list.ts'

const MAX_AHEAD_MS = 24 * 60 * 60 * 1000

/** What is remembered of an account. */
export interface PinnedAccount {
  readonly accountKey: Uint8Array
  /** The newest list that was accepted; left out where only the key is known. */
  readonly tip?: ListTip
}

/** A list that passed every rule. `bytes` is what to store, `epoch` and `hash` what to pin. */
export interface AcceptedList extends ListTip {
  readonly list: DeviceList
  readonly bytes: Uint8Array
}

/** The account signed two lists of one epoch. Nothing is encrypted to it any more until people have looked at it. */
export class DeviceListForkError extends CryptoError {
  /** The signed lists that do not fit, to be kept: one that does not fit what is pinned, or two that do not fit each other. */
  readonly evidence: readonly Uint8Array[]

  constructor(...evidence: readonly Uint8Array[]) {
    super('DEVICE_LIST_FORK', 'Somebody shows different device lists to different people')
    this.evidence = evidence
  }
}

/**
 * Judges lists of a user, as the server gave them, by ascending epoch from the pinned one (or the one after it) to the
 * newest. The times of older ones are not judged: a phone that once had a wrong clock must not break its chain for ever.
 *
 * @param pinned - undefined at the first contact: any beginning is trusted
 * @returns the newest, which may be the pinned one
 * @throws {CryptoError} MALFORMED, UNKNOWN_VERSION, BAD_SIGNATURE; IDENTITY_CHANGED for a list under another account key;
 *   STALE_DEVICE_LIST when lists are missing, or the newest is older than the pinned one; {@link DeviceListForkError}
 */
export async function acceptLists(
  primitives: Primitives,
  user: number,
  pinned: PinnedAccount | undefined,
  chain: readonly Uint8Array[],
  nowMs: number,
): Promise<AcceptedList> {
  const lists = chain.map(decodeLink)
  const [first] = lists
  const newest = lists.at(-1)
  if (first === undefined || newest === undefined) throw stale('There is no list')
  const accountKey = pinned?.accountKey ?? first.list.accountKey
  for (const [i, link] of lists.entries()) {
    if (link.list.user !== user) malformed('A device list of another user')
    await verifyList(primitives, link.list)
    if (!equal(link.list.accountKey, accountKey))
      throw new CryptoError('IDENTITY_CHANGED', 'A device list under another account key')
    const previous = lists[i - 1]
    if (previous !== undefined) requireFollows(previous, link)
  }
  const tip = pinned?.tip
  if (tip !== undefined) requireContinues(tip, lists)
  if (newest.epoch !== tip?.epoch) requireTimes(newest.list, nowMs)
  return newest
}

/** A list that was accepted before, from the bytes that were stored. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeLink(bytes: Uint8Array): AcceptedList {
  const list = decodeDeviceList(bytes)
  return { list, bytes, epoch: list.epoch, hash: listHash(bytes) }
}

/** Between two lists of one answer. */
function requireFollows(previous: AcceptedList, next: AcceptedList): void {
  if (next.epoch === previous.epoch && !equal(next.hash, previous.hash))
    throw new DeviceListForkError(previous.bytes, next.bytes)
  if (next.epoch <= previous.epoch) malformed('The epochs of device lists do not ascend')
  if (next.epoch > previous.epoch + 1) throw stale('Lists between are missing')
  if (!equal(next.list.previousHash, previous.hash)) throw new DeviceListForkError(previous.bytes, next.bytes)
}

/** Of lists that follow each other: whether they lead on from the pinned one. */
function requireContinues(tip: ListTip, lists: readonly AcceptedList[]): void {
  const first = lists[0] as AcceptedList
  const newest = lists.at(-1) as AcceptedList
  if (newest.epoch < tip.epoch) throw stale('The newest list is older than the one that is known')
  if (first.epoch > tip.epoch + 1) throw stale('Lists between are missing')
  if (first.epoch === tip.epoch + 1) {
    if (!equal(first.list.previousHash, tip.hash)) throw new DeviceListForkError(first.bytes)
    return
  }
  const same = lists[tip.epoch - first.epoch] as AcceptedList
  if (!equal(same.hash, tip.hash)) throw new DeviceListForkError(same.bytes)
}

function requireTimes({ createdMs, expiresMs }: DeviceList, nowMs: number): void {
  if (createdMs > nowMs + MAX_AHEAD_MS) malformed('A device list of the future')
  if (expiresMs < createdMs || expiresMs - createdMs > LIST_LIFETIME_MS) malformed('A device list for too long')
}

function stale(message: string): CryptoError {
  return new CryptoError('STALE_DEVICE_LIST', message)
}
