import test from 'ava'
import fc from 'fast-check'
import { DatabaseClock, lookAtClock, lookWell } from '../../src/storage/database-clock.ts'
import { createTestDatabase, openDatabase, turnDatabaseClock } from '../helpers/database.ts'

const START = 1_800_000_000_000

/** A monotonic clock, and a database's: only the test turns them. */
class World {
  monotonicMs = 5_000
  databaseMs = START

  readonly now = (): number => this.monotonicMs

  pass(ms: number): void {
    this.monotonicMs += ms
    this.databaseMs += ms
  }

  /** A look that took so long to get there and back. */
  look(thereMs: number, backMs: number) {
    const before = this.monotonicMs
    this.pass(thereMs)
    const shown = this.databaseMs
    this.pass(backMs)
    return { shown, before, after: this.monotonicMs }
  }
}

test('the time is that of the database, carried on by the monotonic clock', (t) => {
  const world = new World()
  const clock = new DatabaseClock(world.look(2, 2), world)
  t.is(clock.now(), world.databaseMs)
  world.pass(12 * 3_600_000)
  t.is(clock.now(), world.databaseMs)
})

test('looks that agree move nothing, and a step of the database is followed, forward and back', (t) => {
  const world = new World()
  const clock = new DatabaseClock(world.look(2, 2), world)
  for (const [there, back] of [
    [3, 90],
    [400, 2],
    [1, 1],
  ] as const) {
    t.is(clock.follow(world.look(there, back)), 0)
  }
  for (const step of [31 * 86_400_000, -31 * 86_400_000, -600_000, 600_000]) {
    world.databaseMs += step
    const moved = clock.follow(world.look(2, 2))
    t.true(Math.abs(moved - step) <= 4)
    t.true(Math.abs(clock.now() - world.databaseMs) <= 5)
  }
})

test('a machine that was suspended is corrected by the next look', (t) => {
  const world = new World()
  const clock = new DatabaseClock(world.look(2, 2), world)
  world.databaseMs += 3 * 3_600_000
  t.true(clock.follow(world.look(1, 1)) > 3 * 3_600_000 - 10)
})

test('however slow the looks, the time is off by no more than half of the first or the whole of the quickest since', (t) => {
  const ms = fc.integer({ min: 0, max: 3_000 })
  const rounds = fc.check(
    fc.property(fc.array(fc.tuple(ms, ms), { minLength: 1, maxLength: 10 }), (looks) => {
      const world = new World()
      const [first, ...others] = looks
      const clock = new DatabaseClock(world.look(...first!), world)
      let bound = (first![0] + first![1]) / 2
      for (const look of others) {
        clock.follow(world.look(...look))
        bound = Math.min(bound, look[0] + look[1])
        if (Math.abs(clock.now() - world.databaseMs) > bound + 1) return false
      }
      return true
    }),
  )
  t.is(rounds.counterexample, null)
})

test('another clock is compared by what a look surely says', (t) => {
  const world = new World()
  const clock = new DatabaseClock(world.look(2, 2), world)
  const ahead = (ms: number, there: number, back: number) => {
    const sample = world.look(there, back)
    return clock.compare({ ...sample, shown: sample.shown + ms })
  }
  t.is(ahead(0, 2_000, 1), 0)
  t.true(ahead(5_000, 10, 10) >= 4_980 && ahead(5_000, 10, 10) <= 5_000)
  t.true(ahead(-5_000, 10, 10) <= -4_980)
  t.is(ahead(5_000, 10, 6_000), 0)
})

test('a look asks the database, whose clock need not be the machine’s', async (t) => {
  const url = await createTestDatabase(t)
  await turnDatabaseClock(url, 86_400_000)
  const { pool, close } = await openDatabase(url).then((database) => ({
    pool: database.pool,
    close: () => database.close(),
  }))
  t.teardown(close)
  const sample = await lookWell(pool, 3, 0)
  const clock = new DatabaseClock(sample)
  t.true(Math.abs(clock.now() - Date.now() - 86_400_000) < 5_000)
  t.true(Math.abs(clock.follow(await lookAtClock(pool))) < 1_000)
})
