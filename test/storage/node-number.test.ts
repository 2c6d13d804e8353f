import test from 'ava'
import type { ExecutionContext } from 'ava'
import { NODE_NUMBERS } from '../../src/storage/message-stamps.ts'
import { NodeNumber } from '../../src/storage/node-number.ts'
import type { Database } from '../../src/storage/database.ts'
import { TestClock } from '../helpers/clock.ts'
import { openTestDatabase } from '../helpers/database.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const HOUR_MS = 3_600_000

function claimer(t: ExecutionContext, database: Database, clock: TestClock, renewMs = HOUR_MS) {
  const failures: unknown[] = []
  const events = { taskFailed: (_task: string, error: unknown) => void failures.push(error) }
  return async (node: string): Promise<NodeNumber> => {
    const number = await NodeNumber.claim(database.pool, clock, { node, aheadMs: HOUR_MS, renewMs }, events)
    t.teardown(() => number.release(0).catch(() => undefined))
    return number
  }
}

test('claimants of one moment get different numbers, the lowest that are free', async (t) => {
  const claim = claimer(t, await openTestDatabase(t), new TestClock())
  const numbers = await Promise.all(Array.from({ length: 12 }, (_, i) => claim(`node-${i}`)))
  t.deepEqual(
    numbers.map(({ claim: { number } }) => number).sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, i) => i),
  )
})

test('two starts of one node do not share a number', async (t) => {
  const claim = claimer(t, await openTestDatabase(t), new TestClock())
  t.not((await claim('same')).claim.number, (await claim('same')).claim.number)
})

test('a number is free again only when the clock is past the last claim', async (t) => {
  const clock = new TestClock()
  const claim = claimer(t, await openTestDatabase(t), clock)
  t.is((await claim('a')).claim.number, 0)
  clock.advance(HOUR_MS - 1_000)
  t.is((await claim('b')).claim.number, 1)
  clock.advance(2_000)
  const next = await claim('c')
  t.is(next.claim.number, 0)
  t.true(next.claim.until > clock.now())
})

test('a number that was given back is free only after its last stamp', async (t) => {
  const clock = new TestClock()
  const claim = claimer(t, await openTestDatabase(t), clock)
  const first = await claim('a')
  await first.release(clock.now() + 60_000)
  t.is(first.claim.until, 0)
  t.is((await claim('b')).claim.number, 1)
  clock.advance(61_000)
  t.is((await claim('c')).claim.number, 0)
})

test('a claim is renewed ahead of its end', async (t) => {
  const clock = new TestClock()
  const claim = claimer(t, await openTestDatabase(t), clock, 20)
  const { until } = (await claim('a')).claim
  const number = await claim('b')
  clock.advance(10 * 60_000)
  await waitUntil('the claim reaches further', () => number.claim.until >= until + 10 * 60_000)
  t.is(number.claim.number, 1)
})

test('a node that has lost its number to another stamps no more', async (t) => {
  const clock = new TestClock()
  const database = await openTestDatabase(t)
  const claim = claimer(t, database, clock, 20)
  const frozen = await claim('a')
  await database.pool.query("UPDATE node_numbers SET node = 'another' WHERE number = $1", [frozen.claim.number])
  await waitUntil('its claim is over', () => frozen.claim.until === 0)
  await frozen.release(clock.now())
  const { rows } = await database.pool.query<{ node: string }>('SELECT node FROM node_numbers WHERE number = 0')
  t.is(rows[0]?.node, 'another')
})

test('a clock that steps back shortens no claim', async (t) => {
  const clock = new TestClock()
  const database = await openTestDatabase(t)
  const claim = claimer(t, database, clock, 20)
  const number = await claim('a')
  const { until } = number.claim
  clock.advance(-30 * 60_000)
  // A renewal has passed when the one after it could be seen.
  const other = await claim('b')
  clock.advance(90 * 60_000)
  await waitUntil('another claim was renewed', () => other.claim.until > until)
  const { rows } = await database.pool.query<{ until: string }>(
    'SELECT stamps_until AS until FROM node_numbers ORDER BY number',
  )
  t.true(Number(rows[0]!.until) >= until)
})

test('when every number is taken, a node does not start', async (t) => {
  const clock = new TestClock()
  const database = await openTestDatabase(t)
  await database.pool.query(
    `INSERT INTO node_numbers SELECT i, 'taken', $1 FROM generate_series(0, ${NODE_NUMBERS - 1}) i`,
    [clock.now() + HOUR_MS],
  )
  const claim = claimer(t, database, clock)
  await t.throwsAsync(claim('late'), { message: /node numbers are taken/ })
})
