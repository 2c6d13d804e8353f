import { CloseCode, mayReconnect } from '../proto/close-codes.ts'

export interface BackoffOptions {
  /** Bound of the first delay. */
  readonly baseMs: number
  /** No delay chosen here is longer. */
  readonly capMs: number
  /** A connection that was good for this long starts the delays anew. */
  readonly stableMs: number
  /** No delay that the server asks for is kept longer. */
  readonly maxToldMs: number
}

export const defaultBackoff: BackoffOptions = { baseMs: 500, capMs: 30_000, stableMs: 10_000, maxToldMs: 300_000 }

/** What the client does after a connection has ended. */
export type AfterClose = { readonly type: 'reconnect'; readonly afterMs: number } | { readonly type: 'stop' }

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
   */
  closed(code: number, now: number, toldMs?: number): AfterClose {
    const { baseMs, capMs, stableMs, maxToldMs } = this.#options
    if (this.#onlineSince !== undefined && now - this.#onlineSince >= stableMs) this.#failures = 0
    this.#onlineSince = undefined
    if (!mayReconnect(code)) return { type: 'stop' }
    // A node without room is not asked at once, whatever the dice say.
    const leastMs = code === CloseCode.OVERLOADED ? Math.min(capMs, baseMs * 4) : 0
    const bound = Math.min(capMs, (baseMs + leastMs) * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    const chosenMs = Math.round(leastMs + this.#random() * (bound - leastMs))
    if (toldMs === undefined || toldMs <= 0) return { type: 'reconnect', afterMs: chosenMs }
    // Never earlier than told; and a server that tells it again and again is asked less and less often.
    const laterMs = Math.round(this.#random() * (bound - leastMs))
    return { type: 'reconnect', afterMs: Math.min(toldMs, maxToldMs) + laterMs }
  }

  /** Somebody asked for a connection now: the next failure counts as the first. */
  reset(): void {
    this.#failures = 0
  }
}
