import type { Pool } from 'pg'
import { monotonicClock } from '../shared/clock.ts'
import type { Clock } from '../shared/clock.ts'

/** One look at a database's clock: it showed `shown` at some moment from `before` to `after` of the monotonic clock. */
export interface ClockSample {
  readonly shown: number
  readonly before: number
  readonly after: number
}

const LOOK = 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS shown'

/**
 * PostgreSQL's clock, carried on by the monotonic clock from one look to the next: the time of a node. No clock of the
 * node's machine changes it, and while PostgreSQL is away it goes on. A look says within which bounds the time must be,
 * and moves it no further than into them, so a slow look moves it little.
 */
export class DatabaseClock implements Clock {
  readonly #monotonic: Clock
  /** By how much PostgreSQL's clock shows more than the monotonic one. */
  #aheadMs: number

  constructor(first: ClockSample, monotonic: Clock = monotonicClock) {
    this.#monotonic = monotonic
    this.#aheadMs = first.shown - (first.before + first.after) / 2
  }

  now(): number {
    return Math.floor(this.#monotonic.now() + this.#aheadMs)
  }

  /** Follows the database. @returns by how many ms the time was moved: 0, unless it was out of the bounds */
  follow({ shown, before, after }: ClockSample): number {
    const was = this.#aheadMs
    this.#aheadMs = Math.min(Math.max(was, shown - after), shown - before)
    return this.#aheadMs - was
  }

  /** By how much another clock, that was looked at, shows more at least; less than 0: so much less. */
  compare({ shown, before, after }: ClockSample): number {
    const most = shown - (before + this.#aheadMs)
    const least = shown - (after + this.#aheadMs)
    return least > 0 ? least : Math.min(most, 0)
  }
}

/** Looks at a database's clock. */
export async function lookAtClock(pool: Pool, monotonic: Clock = monotonicClock): Promise<ClockSample> {
  const before = monotonic.now()
  const { rows } = await pool.query<{ shown: number }>({ name: 'look-at-clock', text: LOOK })
  return { shown: rows[0]!.shown, before, after: monotonic.now() }
}

/** The quickest of some looks, the first that took no longer than `goodMs`: it says most. */
export async function lookWell(
  pool: Pool,
  looks: number,
  goodMs: number,
  monotonic: Clock = monotonicClock,
): Promise<ClockSample> {
  let best = await lookAtClock(pool, monotonic)
  for (let i = 1; i < looks && best.after - best.before > goodMs; i++) {
    const next = await lookAtClock(pool, monotonic)
    if (next.after - next.before < best.after - best.before) best = next
  }
  return best
}
