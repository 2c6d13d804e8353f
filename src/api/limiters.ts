import type { LimitName, Limits } from '../../config/limits.ts'
import type { Clock } from '../shared/clock.ts'
import type { Events } from '../shared/events.ts'
import { RateLimiter } from '../shared/rate-limit.ts'
import { RefusalError } from '../shared/refusal.ts'

/** The named buckets of a node. */
export class Limiters {
  readonly #limiters: ReadonlyMap<LimitName, RateLimiter<string | number>>
  readonly #events: Events

  constructor(limits: Limits, clock: Clock, events: Events) {
    const names = Object.keys(limits) as LimitName[]
    this.#limiters = new Map(names.map((name) => [name, new RateLimiter(limits[name], clock)]))
    this.#events = events
  }

  of(name: LimitName): RateLimiter<string | number> {
    return this.#limiters.get(name)!
  }

  /** @throws RefusalError with RATE_LIMITED */
  require(name: LimitName, key: string | number): void {
    const decision = this.of(name).take(key)
    if (decision.ok) return
    this.#events.rateLimited(name)
    throw new RefusalError('RATE_LIMITED', `Too many requests (limit ${name})`, { retryAfterMs: decision.retryAfterMs })
  }

  giveBack(name: LimitName, key: string | number): void {
    this.of(name).giveBack(key)
  }
}
