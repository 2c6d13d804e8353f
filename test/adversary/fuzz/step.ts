import type { Random } from '../../model/random.ts'

/**
 * One step of a sequence, as plain data. What it consists of is drawn from its own seed when it is played, so that a
 * sequence from which steps were left out plays the others as before.
 */
export interface Step {
  /** Which of the devices does it: see {@link Cast}. */
  readonly by: number
  readonly does: Deed
  readonly seed: number
}

/** A few frames in one message, the same frame very often, a request, the same several times at once, or a new connection. */
export type Deed = 'frames' | 'burst' | 'request' | 'requests' | 'reconnect' | 'deafen'

const weights: readonly (readonly [Deed, number])[] = [
  ['frames', 40],
  ['burst', 6],
  ['request', 30],
  ['requests', 4],
  ['reconnect', 4],
  ['deafen', 1],
]
const total = weights.reduce((sum, [, weight]) => sum + weight, 0)

export function drawSequence(random: Random, length: number, devices: number): Step[] {
  return Array.from({ length }, () => ({
    by: random.int(devices),
    does: drawDeed(random),
    seed: random.int(2 ** 31),
  }))
}

function drawDeed(random: Random): Deed {
  let left = random.int(total)
  for (const [deed, weight] of weights) {
    left -= weight
    if (left < 0) return deed
  }
  return 'frames'
}
