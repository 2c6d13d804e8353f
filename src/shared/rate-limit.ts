import type { LRUCache } from 'lru-cache'
import type { Clock } from './clock.ts'
import { createLru } from './lru.ts'

/** A token bucket: `burst` at once, refilled with `perSecond`. */
export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

export type RateDecision = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number }

/** Of a token: what adding up many small refills may lose. */
const ROUNDING = 1e-6

const OK: RateDecision = { ok: true }
const DEFAULT_MAX_KEYS = 100_000

/** What one caller has left. */
export class RateBucket {
  readonly #limit: RateLimit
  readonly #clock: Clock
  #tokens: number
  /** As of when, ms since 1970. */
  #at: number

  constructor(limit: RateLimit, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
    this.#tokens = limit.burst
    this.#at = clock.now()
  }

  /** Takes from the bucket, or says when there will be enough. What exceeds the burst never passes. */
  take(tokens = 1): RateDecision {
    this.#refill()
    if (this.#tokens >= tokens - ROUNDING) {
      this.#tokens -= tokens
      return OK
    }
    return { ok: false, retryAfterMs: Math.ceil(((tokens - this.#tokens - ROUNDING) / this.#limit.perSecond) * 1_000) }
  }

  /**
   * Takes what is not there, too: as much as the burst may be owed, and {@link owedMs} says for how long. False: it would
   * be more than that, and nothing is taken.
   */
  owe(tokens = 1): boolean {
    this.#refill()
    if (this.#tokens - tokens < -this.#limit.burst) return false
    this.#tokens -= tokens
    return true
  }

  /** Until nothing is owed; 0: nothing is. As of the last call. */
  get owedMs(): number {
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / this.#limit.perSecond) * 1_000)
  }

  /** Of its burst, what is left: from 1, all, to -1, as much is owed. As of the last call. */
  get left(): number {
    return this.#tokens / this.#limit.burst
  }

  /** As much is owed as may be. */
  drain(): void {
    this.#refill()
    this.#tokens = -this.#limit.burst
  }

  /** Gives back what was taken for something that then did not happen. */
  giveBack(tokens = 1): void {
    this.#refill()
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + tokens)
  }

  #refill(): void {
    const now = this.#clock.now()
    if (now === this.#at) return
    // A clock that stepped back refills nothing, and counts from there.
    const elapsedMs = Math.max(0, now - this.#at)
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + (elapsedMs / 1_000) * this.#limit.perSecond)
    this.#at = now
  }
}

/**
 * One bucket for each key. Memory is bounded: beyond `maxKeys` the bucket that was not asked for longest is forgotten,
 * which makes it full again.
 */
export class RateLimiter<Key extends string | number> {
  readonly #limit: RateLimit
  readonly #clock: Clock
  readonly #buckets: LRUCache<Key, RateBucket>

  constructor(limit: RateLimit, clock: Clock, maxKeys = DEFAULT_MAX_KEYS) {
    this.#limit = limit
    this.#clock = clock
    this.#buckets = createLru(maxKeys)
  }

  /** The bucket of a key: whoever asks often keeps it. */
  bucket(key: Key): RateBucket {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new RateBucket(this.#limit, this.#clock)
      this.#buckets.set(key, bucket)
    }
    return bucket
  }

  /** Takes from the key's bucket, or says when there will be enough. */
  take(key: Key, tokens = 1): RateDecision {
    return this.bucket(key).take(tokens)
  }

  /** Gives back what was taken for something that then did not happen. */
  giveBack(key: Key, tokens = 1): void {
    this.bucket(key).giveBack(tokens)
  }
}
