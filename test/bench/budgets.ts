/** What the design allows, in multiples of the relay's CPU for the same seven frames at window 1. */
const LIVES: readonly { readonly ackMs: number; readonly window: number; readonly relays: number }[] = [
  { ackMs: 0, window: 1, relays: 1.8 },
  { ackMs: 0, window: 32, relays: 0.55 },
  { ackMs: 50, window: 1, relays: 2 },
  { ackMs: 50, window: 32, relays: 0.55 },
]

/** With the two ends on different nodes, in multiples of one node's CPU for the same load. */
const CLUSTER_LIVES: readonly { readonly window: number; readonly nodes: number }[] = [
  { window: 1, nodes: 1.8 },
  { window: 32, nodes: 1.4 },
]

/** Growth of the resident memory of a node alone, and of all nodes and the nats-server of a cluster. */
export const IDLE_DEVICE_BYTES = 5 * 1024
export const CLUSTER_IDLE_DEVICE_BYTES = 6 * 1024
export const DRAIN_BYTES = 20 * 1024 * 1024

/** To ✓, and to the recipient, of 99 % of the messages at half of the highest rate. */
export const PACED_P99_MS = 20

/** After so long 99 % of the devices are back that were cut off at once; messages get their ✓ meanwhile. */
export const STORM_BACK_MS = 10_000
export const STORM_ACCEPTED_MS = 2_000

/** From a key, a message or a second to the lines of the screen, however much is in the chat. */
export const TERMINAL_FRAME_MS = 5

/** The budget of a whole life; undefined where there is none. */
export function findLifeBudget(ackMs: number, window: number): number | undefined {
  return LIVES.find((budget) => budget.ackMs === ackMs && budget.window === window)?.relays
}

/** The same, between two nodes. */
export function findClusterBudget(window: number | undefined): number | undefined {
  return CLUSTER_LIVES.find((budget) => budget.window === window)?.nodes
}
