import { LRUCache } from 'lru-cache'
import type { Clock } from './clock.ts'

/** A token bucket: `burst` at once, refilled with `perSecond`. */
export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

export type RateDecision = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number }

/** What is left in a bucket, as of `at` (ms since 1970). */
interface Bucket {
  tokens: number
  at: number
}

const OK: RateDecision = { ok: true }
const DEFAULT_MAX_KEYS = 100_000

/**
 * One bucket for each key. Memory is bounded: beyond `maxKeys` the bucket that was not asked for longest is forgotten,
 * which makes it full again.
 */
export class RateLimiter<Key extends string | number> {
  readonly #limit: RateLimit
  readonly #clock: Clock
  readonly #buckets: LRUCache<Key, Bucket>

  constructor(limit: RateLimit, clock: Clock, maxKeys = DEFAULT_MAX_KEYS) {
    this.#limit = limit
    this.#clock = clock
    this.#buckets = new LRUCache({ max: maxKeys })
  }

  /** Takes from the key's bucket, or says when there will be enough. What exceeds the burst never passes. */
  take(key: Key, tokens = 1): RateDecision {
    const bucket = this.#refilled(key)
    if (bucket.tokens >= tokens) {
      bucket.tokens -= tokens
      return OK
    }
    return { ok: false, retryAfterMs: Math.ceil(((tokens - bucket.tokens) / this.#limit.perSecond) * 1_000) }
  }

  /** Gives back what was taken for something that then did not happen. */
  giveBack(key: Key, tokens = 1): void {
    const bucket = this.#refilled(key)
    bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + tokens)
  }

  #refilled(key: Key): Bucket {
    const now = this.#clock.now()
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = { tokens: this.#limit.burst, at: now }
      this.#buckets.set(key, bucket)
      return bucket
    }
    // A clock that stepped back refills nothing.
    const elapsedMs = Math.max(0, now - bucket.at)
    bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + (elapsedMs / 1_000) * this.#limit.perSecond)
    bucket.at = now
    return bucket
  }
}
