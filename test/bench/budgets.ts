/** What the design allows, in multiples of the relay's CPU for the same seven frames at window 1. */
const LIVES: readonly { readonly ackMs: number; readonly window: number; readonly relays: number }[] = [
  { ackMs: 0, window: 1, relays: 1.8 },
  { ackMs: 0, window: 32, relays: 0.6 },
  { ackMs: 50, window: 1, relays: 2.5 },
  { ackMs: 50, window: 32, relays: 1 },
]

/** Growth of the node's resident memory. */
export const IDLE_DEVICE_BYTES = 5 * 1024
export const DRAIN_BYTES = 20 * 1024 * 1024

/** The budget of a whole life; undefined where there is none. */
export function findLifeBudget(ackMs: number, window: number): number | undefined {
  return LIVES.find((budget) => budget.ackMs === ackMs && budget.window === window)?.relays
}
