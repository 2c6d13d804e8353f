import type { Clock } from './clock.ts'

/** A clock that knows whether it can be believed. */
export interface CheckedClock extends Clock {
  /** false: nobody can tell which device lists are of today. What needs that waits. */
  readonly isRight: boolean
}

/** Of device lists that seem to be of the future, so much is put down to clocks. */
const MAX_ERROR_MS = 24 * 3600 * 1000

/**
 * The server's time: what it said last, carried on by a clock that nobody sets; the device's own before it has said
 * anything. Where the two are more than a day apart, either may be wrong, or may lie.
 */
export class ServerClock implements CheckedClock {
  readonly #device: Clock
  /** What the server's time is ahead of the device's monotonic clock; undefined: not told yet. */
  #aheadMs: number | undefined

  constructor(device: Clock) {
    this.#device = device
  }

  now(): number {
    return this.#aheadMs === undefined ? this.#device.now() : Math.round(this.#aheadMs + this.#device.monotonic())
  }

  monotonic(): number {
    return this.#device.monotonic()
  }

  setTimer(run: () => void, afterMs: number): () => void {
    return this.#device.setTimer(run, afterMs)
  }

  /** @param serverTime - ms since 1970 */
  told(serverTime: number): void {
    this.#aheadMs = serverTime - this.#device.monotonic()
  }

  /** By how many ms the device's own clock is ahead of the server's, or with a minus behind it. */
  get errorMs(): number {
    return this.#device.now() - this.now()
  }

  get isRight(): boolean {
    return Math.abs(this.errorMs) <= MAX_ERROR_MS
  }
}
