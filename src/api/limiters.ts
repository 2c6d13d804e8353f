import type { LimitName, Limits } from '../../config/limits.ts'
import { addressPrefixes } from '../shared/address-prefix.ts'
import type { Clock } from '../shared/clock.ts'
import type { Events } from '../shared/events.ts'
import { RateLimiter } from '../shared/rate-limit.ts'
import type { RateBucket, RateDecision, RateLimit } from '../shared/rate-limit.ts'
import { RefusalError } from '../shared/refusal.ts'

/** What the prefixes of an address get of a limit by address, from /64 to /56 and /48: the wider, the more customers. */
const PREFIX_FACTORS = [1, 4, 16] as const

/** A limit by address, for the prefix at this place of `addressPrefixes`. */
export function limitOfPrefix({ burst, perSecond }: RateLimit, place: number): RateLimit {
  const factor = PREFIX_FACTORS[place] ?? 1
  return { burst: burst * factor, perSecond: perSecond * factor }
}

/** The named buckets of a node, in its memory. */
export class Limiters {
  readonly #limiters: ReadonlyMap<LimitName, RateLimiter<string | number>>
  /** By the place of a prefix: the narrow ones, then the wider ones. */
  readonly #byPrefix: ReadonlyMap<LimitName, readonly RateLimiter<string>[]>
  readonly #events: Events

  constructor(limits: Limits, clock: Clock, events: Events) {
    const names = Object.keys(limits) as LimitName[]
    this.#limiters = new Map(names.map((name) => [name, new RateLimiter(limits[name], clock)]))
    this.#byPrefix = new Map(
      names.map((name) => [
        name,
        PREFIX_FACTORS.map((_, place) => new RateLimiter(limitOfPrefix(limits[name], place), clock)),
      ]),
    )
    this.#events = events
  }

  of(name: LimitName): RateLimiter<string | number> {
    return this.#limiters.get(name)!
  }

  /** The buckets of the prefixes that a network address lies in. */
  ofAddress(name: LimitName, address: string): readonly RateBucket[] {
    const limiters = this.#byPrefix.get(name)!
    return addressPrefixes(address).map((prefix, place) => limiters[place]!.bucket(prefix))
  }

  /** @throws RefusalError with RATE_LIMITED */
  require(name: LimitName, key: string | number, tokens = 1): void {
    this.#requireOk(name, this.of(name).take(key, tokens))
  }

  /** The same by network address: each prefix that the address lies in has a bucket. @throws RefusalError with RATE_LIMITED */
  requireAddress(name: LimitName, address: string, tokens = 1): void {
    this.#requireOk(name, this.takeAddress(name, address, tokens))
  }

  /** Takes from the bucket of each prefix of the address, or from none. */
  takeAddress(name: LimitName, address: string, tokens = 1): RateDecision {
    const limiters = this.#byPrefix.get(name)!
    const prefixes = addressPrefixes(address)
    for (const [place, prefix] of prefixes.entries()) {
      const decision = limiters[place]!.take(prefix, tokens)
      if (decision.ok) continue
      for (let taken = 0; taken < place; taken++) limiters[taken]!.giveBack(prefixes[taken]!, tokens)
      return decision
    }
    return { ok: true }
  }

  #requireOk(name: LimitName, decision: RateDecision): void {
    if (decision.ok) return
    this.#events.rateLimited(name)
    throw rateLimited(name, decision.retryAfterMs)
  }
}

export function rateLimited(name: string, retryAfterMs: number): RefusalError {
  return new RefusalError('RATE_LIMITED', `Too many requests (limit ${name})`, { retryAfterMs })
}
