import type { CheckedClock } from '../../../client/server-clock.ts'

/** A clock that goes only when it is told to. */
export class ManualClock implements CheckedClock {
  /** Of the monotonic clock. */
  #nowMs: number
  /** What the time of day differs from it. */
  #offsetMs = 0
  /** For those who take it as the clock of a whole client. */
  readonly isRight = true
  readonly #timers = new Map<object, { at: number; run: () => void }>()

  constructor(nowMs = 1_800_000_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs + this.#offsetMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  /** Somebody sets it by so much. */
  set(ms: number): void {
    this.#offsetMs += ms
  }

  setTimer(run: () => void, afterMs: number): () => void {
    const timer = {}
    this.#timers.set(timer, { at: this.#nowMs + afterMs, run })
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** As after a long sleep: no timer runs before the next {@link advance}. */
  jump(ms: number): void {
    this.#nowMs += ms
  }

  /** Goes on by so much; the timers due on the way run at their times. */
  advance(ms: number): void {
    const end = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)
      if (next === undefined) break
      const [timer, { at, run }] = next
      this.#timers.delete(timer)
      this.#nowMs = Math.max(this.#nowMs, at)
      run()
    }
    this.#nowMs = end
  }
}
