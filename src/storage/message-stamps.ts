import type { Clock } from '../shared/clock.ts'
import type { MessageId } from '../shared/ids.ts'

const NODE_BITS = 10n
const COUNTER_BITS = 12n
const COUNTERS = 1 << Number(COUNTER_BITS)
/** How far above its clock a node lets a device's highest message id lift its stamps. */
const MAX_FLOOR_AHEAD_MS = 5_000
/** How far stamps may run ahead of a clock that stepped back before they wait for it. */
const MAX_AHEAD_MS = 10_000

/** Node numbers are 0 … 1,023. */
export const NODE_NUMBERS = 1 << Number(NODE_BITS)

/** A claim on a node number; stamps are made only below `until` (ms since 1970). */
export interface NodeNumberClaim {
  readonly number: number
  readonly until: number
}

export interface Stamp {
  readonly messageId: MessageId
  /** ms since 1970. */
  readonly ms: number
}

/**
 * Stamps envelopes: 41 bits of ms since 1970, 10 bits of node number, 12 bits of counter. Stamps of one node only grow,
 * also when its clock steps back, and never collide with those of another, as a node number is claimed for a time.
 */
export class MessageStamps {
  readonly #clock: Clock
  readonly #claim: () => NodeNumberClaim
  #ms = 0
  #counter = 0

  constructor(clock: Clock, claim: () => NodeNumberClaim) {
    this.#clock = clock
    this.#claim = claim
  }

  /** The time of the newest stamp, ms since 1970. */
  get last(): number {
    return this.#ms
  }

  /**
   * The next stamp, above `floor`: the highest message id that the sending device has seen (0n: none), so that its
   * messages keep their order when it moves to a node whose clock is behind. A floor of the far future is ignored.
   * Undefined: this node must not stamp now, because its claim has run out or its clock is far behind its stamps.
   */
  next(floor: bigint): Stamp | undefined {
    const now = this.#clock.now()
    const claim = this.#claim()
    let ms = Math.max(now, this.#ms)
    if (floor !== 0n) {
      const floorMs = Number(floor >> (NODE_BITS + COUNTER_BITS))
      if (floorMs >= ms && floorMs < now + MAX_FLOOR_AHEAD_MS) ms = floorMs + 1
    }
    let counter = ms === this.#ms ? this.#counter + 1 : 0
    if (counter === COUNTERS) {
      counter = 0
      ms++
    }
    if (ms >= claim.until || ms > now + MAX_AHEAD_MS) return undefined
    this.#ms = ms
    this.#counter = counter
    const low = BigInt((claim.number << Number(COUNTER_BITS)) | counter)
    return { ms, messageId: ((BigInt(ms) << (NODE_BITS + COUNTER_BITS)) | low) as MessageId }
  }
}
