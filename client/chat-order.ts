/**
 * Where messages stand in their chat: a number made of the server's stamp, so that all devices of a user show a chat in
 * one order, whenever each of them comes to read it. A stamp is 41 bits of ms since 1970, 10 bits of node number and 12
 * bits of counter; the node number is left out, so that the rest is a safe integer.
 */

const NODE_AND_COUNTER_BITS = 22n
const COUNTER_MASK = 0xfffn
const PLACES_A_MS = 4096
/** Above every stamp: what waits to be accepted stands last. */
const WAITING = 9_000_000_000_000_000

/** The place of a message with this stamp. */
export function orderOf(messageId: bigint): number {
  return orderAt(Number(messageId >> NODE_AND_COUNTER_BITS)) + Number(messageId & COUNTER_MASK)
}

/** The place of what has no stamp, but a time (ms since 1970). */
export function orderAt(ms: number): number {
  return Math.min(ms * PLACES_A_MS, WAITING - 1)
}

/** The place of a message that is not accepted yet. @param outgoing - its place among all that goes out */
export function orderOfWaiting(outgoing: number): number {
  return WAITING + outgoing
}
