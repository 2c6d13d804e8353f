import type { Clock } from '../../src/shared/clock.ts'

/** A clock that a test turns on. */
export class TestClock implements Clock {
  /** By how much it shows more than the machine's. */
  aheadMs = 0

  now(): number {
    return Date.now() + this.aheadMs
  }

  advance(ms: number): void {
    this.aheadMs += ms
  }
}
