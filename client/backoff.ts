import { CloseCode } from '../proto/close-codes.ts'

export interface BackoffOptions {
  /** Bound of the first delay. */
  readonly baseMs: number
  /** No delay chosen here is longer. */
  readonly capMs: number
  /** A connection that was good for this long starts the delays from the first one again. */
  readonly stableMs: number
  /** No delay that the server asks for is kept longer. */
  readonly maxToldMs: number
  /** The least delay after a fault doubles from here, */
  readonly faultBaseMs: number
  /** up to here, */
  readonly faultCapMs: number
  /** and from the first one again after a connection that was good for this long. */
  readonly faultStableMs: number
}

export const defaultBackoff: BackoffOptions = {
  baseMs: 500,
  capMs: 30_000,
  stableMs: 10_000,
  maxToldMs: 300_000,
  faultBaseMs: 5_000,
  faultCapMs: 300_000,
  faultStableMs: 600_000,
}

/**
 * When to connect again: full jitter (a random share of a bound that doubles) below a cap, so that clients cut off
 * together do not come back together.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  readonly #random: () => number
  readonly #options: BackoffOptions
  #failures = 0
  #faults = 0
  #onlineSince: number | undefined

  /** @param random - a number in [0, 1), like Math.random */
  constructor(random: () => number, options: BackoffOptions = defaultBackoff) {
    this.#random = random
    this.#options = options
  }

  /** The session is established. */
  connected(now: number): void {
    this.#onlineSince = now
  }

  /**
   * The connection has ended, or never came to be.
   *
   * @param code - its close code
   * @param toldMs - the delay that the server asked for, if it did
   * @returns after how many ms to connect again
   */
  lost(code: number, now: number, toldMs?: number): number {
    const { baseMs, capMs, maxToldMs } = this.#options
    this.#ended(now)
    // A node without room is not asked at once, whatever the dice say.
    const leastMs = code === CloseCode.OVERLOADED ? Math.min(capMs, baseMs * 4) : 0
    const bound = Math.min(capMs, (baseMs + leastMs) * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    const chosenMs = Math.round(leastMs + this.#random() * (bound - leastMs))
    if (toldMs === undefined || toldMs <= 0) return chosenMs
    // Never earlier than told; and a server that tells it again and again is asked less and less often.
    const laterMs = Math.round(this.#random() * (bound - leastMs))
    return Math.min(toldMs, maxToldMs) + laterMs
  }

  /**
   * The connection has ended by a fault of this client or of the server, which may happen again at once: a session that
   * was good for seconds proves nothing.
   *
   * @returns after how many ms to connect again
   */
  faulted(now: number): number {
    const { faultBaseMs, faultCapMs } = this.#options
    this.#ended(now)
    const leastMs = Math.min(faultCapMs, faultBaseMs * 2 ** Math.min(this.#faults, 30))
    this.#faults += 1
    return Math.round(leastMs * (1 + this.#random()))
  }

  /** Somebody asked for a connection now: the next failure counts as the first. */
  reset(): void {
    this.#failures = 0
    this.#faults = 0
  }

  #ended(now: number): void {
    const { stableMs, faultStableMs } = this.#options
    const onlineMs = this.#onlineSince === undefined ? 0 : now - this.#onlineSince
    if (onlineMs >= stableMs) this.#failures = 0
    if (onlineMs >= faultStableMs) this.#faults = 0
    this.#onlineSince = undefined
  }
}
