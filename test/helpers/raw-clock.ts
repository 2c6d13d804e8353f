import type { Clock } from '../../src/shared/clock.ts'

/** The system's clock, which a test may put forward or back. */
export class TestClock implements Clock {
  offsetMs: number

  constructor(offsetMs = 0) {
    this.offsetMs = offsetMs
  }

  now(): number {
    return Date.now() + this.offsetMs
  }
}
