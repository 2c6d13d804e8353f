import type { GroupState } from '../wire/group-state.ts'
import type { SenderKeyState } from '../wire/sender-key-state.ts'
import type { Recipient } from './audience.ts'
import { findMember } from './members.ts'
import { isWorn } from './sender-chain.ts'

/** What has to happen before the next message to a group. */
export interface DistributionPlan {
  /** A new chain, since somebody has the present one who must not read on, or since it is worn. */
  readonly rotate: boolean
  /** The devices that get the chain first. */
  readonly to: readonly Recipient[]
}

/**
 * @param chain - this device's, if it has one
 * @param holders - the devices that were given it
 * @param audience - the verified devices of all members of the newest state, without the sending one
 */
export function planDistribution(
  chain: SenderKeyState | undefined,
  holders: readonly Recipient[],
  audience: readonly Recipient[],
  nowMs: number,
): DistributionPlan {
  const wanted = new Set(audience.map(keyOf))
  if (chain === undefined || isWorn(chain, nowMs) || holders.some((holder) => !wanted.has(keyOf(holder)))) {
    return { rotate: true, to: audience }
  }
  const held = new Set(holders.map(keyOf))
  return { rotate: false, to: audience.filter((recipient) => !held.has(keyOf(recipient))) }
}

/**
 * Whether this device's chain goes on in a later state of its group. To be asked of each state that is followed, also between two
 * messages: who is removed in one and back in the next has lost the chain, and is not known by the newest state alone.
 * A device that was away itself, and so does not know all states, begins a new chain.
 *
 * @param holders - the devices that were given it
 */
export function outlives(holders: readonly Recipient[], later: GroupState): boolean {
  return holders.every(({ address }) => findMember(later, address.user) !== undefined)
}

function keyOf({ address, registrationId }: Recipient): string {
  return `${address.user}.${address.device}.${registrationId}`
}
