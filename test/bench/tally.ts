import { type Counts, type Latencies, NO_COUNTS } from './load.ts'

const MAX_SAMPLES = 2_000_000

/** What a load generator has seen. */
export class Tally {
  readonly counts: { -readonly [Name in keyof Counts]: Counts[Name] } = { ...NO_COUNTS }
  /** The first unexpected thing, in words. */
  surprise = ''
  #acceptedMs: number[] = []
  #deliveredMs: number[] = []

  get latencies(): Latencies {
    return { acceptedMs: Float64Array.from(this.#acceptedMs), deliveredMs: Float64Array.from(this.#deliveredMs) }
  }

  /** Forgets the latencies so far. */
  mark(): void {
    this.#acceptedMs = []
    this.#deliveredMs = []
  }

  acceptedAfter(ms: number): void {
    this.counts.accepted++
    if (this.#acceptedMs.length < MAX_SAMPLES) this.#acceptedMs.push(ms)
  }

  deliveredAfter(ms: number): void {
    this.counts.delivered++
    if (this.#deliveredMs.length < MAX_SAMPLES) this.#deliveredMs.push(ms)
  }

  unexpected(what: string): void {
    this.counts.unexpected++
    this.surprise ||= what
  }
}
