import { Counter, Rate, Trend } from 'k6/metrics'

/** What the scripts measure; the launcher's table knows these names. k6's clock counts whole milliseconds. */

/** From dialling to `connected`. */
export const connectMs = new Trend('connect_ms', true)
/** From sending to ✓. */
export const acceptedMs = new Trend('accepted_ms', true)
/** From sending to the arrival at the recipient's device. */
export const deliveryMs = new Trend('delivery_ms', true)
/** From sending to ✓✓. */
export const deliveredMs = new Trend('delivered_ms', true)
/** From sending to the arrival of READ. */
export const readMs = new Trend('read_ms', true)
/** From the moment at which a device lost its connection to `caughtUp` on the next one. */
export const reconnectMs = new Trend('reconnect_ms', true)
/** From dialling to the arrival of the last message that waited. */
export const drainMs = new Trend('drain_ms', true)

// Counted besides, since a threshold of a measure that was never taken holds.
export const sessions = new Counter('sessions')
/** Of connections, by a node with too much to do, where a device comes again. */
export const refusals = new Counter('refusals')
export const reconnects = new Counter('reconnects')
export const mailboxesDrained = new Counter('mailboxes_drained')
export const usersRegistered = new Counter('users_registered')
export const messagesSent = new Counter('messages_sent')
export const messagesReceived = new Counter('messages_received')
export const typingReceived = new Counter('typing_received')

/** Of sessions and messages: what was refused, broke, or came twice or out of order. */
export const errors = new Rate('errors')

/** Threshold: fewer than 1 % are above. */
export function p99Below(ms: number): string {
  return `p(99)<${ms}`
}
