import { RefusalError } from '../shared/refusal.ts'

const RETRY_MS = 1_000

/** Counts the requests that a node answers now: so many in all, and so many of one address prefix. */
export class RequestPlaces {
  readonly #max: number
  readonly #maxPerPrefix: number
  readonly #perPrefix = new Map<string, number>()
  #count = 0

  constructor(max: number, maxPerPrefix: number) {
    this.#max = max
    this.#maxPerPrefix = maxPerPrefix
  }

  /** @throws RefusalError: RATE_LIMITED when the prefix has its share, OVERLOADED when there is no room */
  enter(prefix: string): void {
    const ofPrefix = this.#perPrefix.get(prefix) ?? 0
    if (ofPrefix >= this.#maxPerPrefix) {
      const message = 'Too many requests of this address at a time'
      throw new RefusalError('RATE_LIMITED', message, { retryAfterMs: RETRY_MS })
    }
    if (this.#count >= this.#max) {
      throw new RefusalError('OVERLOADED', 'Too many requests at a time', { retryAfterMs: RETRY_MS })
    }
    this.#count++
    this.#perPrefix.set(prefix, ofPrefix + 1)
  }

  leave(prefix: string): void {
    this.#count--
    const ofPrefix = (this.#perPrefix.get(prefix) ?? 1) - 1
    if (ofPrefix === 0) this.#perPrefix.delete(prefix)
    else this.#perPrefix.set(prefix, ofPrefix)
  }
}
