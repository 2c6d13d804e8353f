import type { Clock } from '../../../client/clock.ts'

/** A clock that goes only when it is told to. */
export class ManualClock implements Clock {
  #nowMs: number
  readonly #timers = new Map<object, { at: number; run: () => void }>()

  constructor(nowMs = 1_800_000_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
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
