import type { Clock } from '../../../client/clock.ts'

/** A clock that goes so many times as fast: a line that is as many times better looks to its owner like a slow one. */
export class QuickClock implements Clock {
  readonly #times: number
  readonly #startedAt = Date.now()
  readonly #zero = performance.now()

  constructor(times: number) {
    this.#times = times
  }

  now(): number {
    return this.#startedAt + Math.floor(this.monotonic())
  }

  monotonic(): number {
    return (performance.now() - this.#zero) * this.#times
  }

  setTimer(run: () => void, afterMs: number): () => void {
    const timer = setTimeout(run, afterMs / this.#times)
    return () => clearTimeout(timer)
  }
}
