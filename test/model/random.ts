/** A small seeded generator (xorshift32): the same seed gives the same numbers. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 2_654_435_761) + 12_345) >>> 0 || 1
    for (let i = 0; i < 5; i++) this.next()
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state / 4_294_967_296
  }

  /** From 0 up to, but not including, `bound`. */
  int(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!
  }
}
