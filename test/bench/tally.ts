import type { Counts, Latencies } from './load.ts'

const MAX_SAMPLES = 2_000_000

/** What a load generator has seen. */
export class Tally implements Counts {
  sent = 0
  accepted = 0
  delivered = 0
  received = 0
  elided = 0
  repeated = 0
  read = 0
  readsSent = 0
  readsAccepted = 0
  unexpected = 0
  example = ''
  #acceptedMs: number[] = []
  #deliveredMs: number[] = []

  get latencies(): Latencies {
    return { acceptedMs: Float64Array.from(this.#acceptedMs), deliveredMs: Float64Array.from(this.#deliveredMs) }
  }

  mark(): void {
    this.#acceptedMs = []
    this.#deliveredMs = []
  }

  acceptedAfter(ms: number): void {
    this.accepted++
    if (this.#acceptedMs.length < MAX_SAMPLES) this.#acceptedMs.push(ms)
  }

  deliveredAfter(ms: number): void {
    this.delivered++
    if (this.#deliveredMs.length < MAX_SAMPLES) this.#deliveredMs.push(ms)
  }

  surprise(what: string): void {
    this.unexpected++
    this.example ||= what
  }

  get counts(): Counts {
    const { sent, accepted, delivered, received, elided, repeated, read } = this
    const { readsSent, readsAccepted, unexpected, example } = this
    return {
      sent,
      accepted,
      delivered,
      received,
      elided,
      repeated,
      read,
      readsSent,
      readsAccepted,
      unexpected,
      example,
    }
  }
}
