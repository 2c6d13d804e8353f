/** What time it is; injected, so that a test can say it. */
export interface Clock {
  /** Milliseconds since 1970, if it tells the time; of a clock for spans, since some moment. */
  now(): number
}

/** The clock of this machine, which somebody may set: it is compared with, and nothing is decided by it. */
export const systemClock: Clock = { now: () => Date.now() }

/** For spans of time alone: nobody sets it, and it never steps. */
export const monotonicClock: Clock = { now: () => performance.now() }
