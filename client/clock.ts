/** Time, so that tests can turn it by hand. */
export interface Clock {
  /** ms since 1970. */
  now(): number
  /** Runs once, later; the returned function cancels it. */
  setTimer(run: () => void, afterMs: number): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(run, afterMs) {
    const timer = setTimeout(run, afterMs)
    return () => clearTimeout(timer)
  },
}
