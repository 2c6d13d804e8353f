/** Time, so that tests can turn it by hand. */
export interface Clock {
  /** ms since 1970, as the device believes: it may be set wrong, and set again. */
  now(): number
  /** ms since some moment: for durations, since nobody sets it. */
  monotonic(): number
  /** Runs once, later; the returned function cancels it. */
  setTimer(run: () => void, afterMs: number): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(run, afterMs) {
    const timer = setTimeout(run, afterMs)
    return () => clearTimeout(timer)
  },
}

/** Whether so much time has passed since then; also when that was noted by a clock that was ahead. */
export function hasPassed(since: number, ms: number, now: number): boolean {
  return Math.abs(now - since) > ms
}
