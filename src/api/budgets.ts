import type { LimitName, Limits } from '../../config/limits.ts'
import { addressPrefixes, widestPrefix } from '../shared/address-prefix.ts'
import type { Events } from '../shared/events.ts'
import type { UserId } from '../shared/ids.ts'
import type { Bucket, Buckets, BucketsAnswer } from '../storage/buckets.ts'
import { limitOfPrefix, rateLimited } from './limiters.ts'

/** The named buckets that all nodes share: what costs money or is guessed at. */
export class Budgets {
  readonly #limits: Limits
  readonly #buckets: Buckets
  readonly #events: Events

  constructor(limits: Limits, buckets: Buckets, events: Events) {
    this.#limits = limits
    this.#buckets = buckets
    this.#events = events
  }

  of(name: LimitName, key: string | number): Bucket {
    return { name, key, limit: this.#limits[name] }
  }

  /** One for each prefix that the address lies in. */
  ofAddress(name: LimitName, address: string): readonly Bucket[] {
    const limit = this.#limits[name]
    return addressPrefixes(address).map((key, place) => ({ name, key, limit: limitOfPrefix(limit, place) }))
  }

  /** Of a user and a network together: what one network does to a user costs no other network anything. */
  ofPair(name: LimitName, user: UserId, address: string): Bucket {
    return this.of(name, `${user} ${widestPrefix(address)}`)
  }

  /** Takes so many from each, or nothing from any. @throws RefusalError with RATE_LIMITED */
  async require(buckets: readonly Bucket[], tokens = 1): Promise<readonly number[]> {
    const answer = await this.#buckets.take(buckets, tokens)
    if (answer.taken) return answer.left
    throw this.refuse(answer)
  }

  /** The same, without throwing. */
  take(buckets: readonly Bucket[], tokens = 1): Promise<BucketsAnswer> {
    return this.#buckets.take(buckets, tokens)
  }

  giveBack(buckets: readonly Bucket[]): Promise<void> {
    return this.#buckets.giveBack(buckets)
  }

  /** Counts a refusal, and makes the error that says it. */
  refuse({ empty, retryAfterMs }: Extract<BucketsAnswer, { taken: false }>): Error {
    this.#events.rateLimited(empty.name)
    return rateLimited(empty.name, retryAfterMs)
  }
}
