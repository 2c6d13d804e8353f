import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { Database } from '../../src/storage/database.ts'
import { NODE_NUMBERS } from '../../src/storage/message-stamps.ts'
import type { NodeNumberClaim } from '../../src/storage/message-stamps.ts'
import { NodeNumber } from '../../src/storage/node-number.ts'
import { createTestDatabase, openDatabase, stopDatabaseClock } from '../helpers/database.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START = 1_800_000_000_000

interface Setup {
  readonly database: Database
  /** What the database's clock shows: it stands still. */
  readonly at: () => number
  turn(ms: number): Promise<void>
  claim(node: string, renewMs?: number): Promise<NodeNumber>
  readonly changes: string[]
}

async function setUp(t: ExecutionContext): Promise<Setup> {
  const url = await createTestDatabase(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  let at = START
  const turn = (ms: number) => stopDatabaseClock(url, (at += ms))
  await turn(0)
  const changes: string[] = []
  const events = {
    taskFailed: () => undefined,
    nodeNumberChanged: (_number: number, reason: string) => void changes.push(reason),
  }
  const claim = async (node: string, renewMs = HOUR_MS): Promise<NodeNumber> => {
    const options = { node, aheadMs: HOUR_MS, renewMs, claimPauseMs: 0 }
    const number = await NodeNumber.claim(database.pool, options, events)
    t.teardown(() => number.release(0).catch(() => undefined))
    return number
  }
  return { database, at: () => at, turn, claim, changes }
}

test('claimants of one moment get different numbers, the lowest that are free', async (t) => {
  const { claim } = await setUp(t)
  const numbers = await Promise.all(Array.from({ length: 12 }, (_, i) => claim(`node-${i}`)))
  t.deepEqual(
    numbers.map(({ claim: { number } }) => number).sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, i) => i),
  )
})

test('two starts of one node do not share a number', async (t) => {
  const { claim } = await setUp(t)
  t.not((await claim('same')).claim.number, (await claim('same')).claim.number)
})

test('a number is free again only when the clock is past the last claim, and the next claim begins after it', async (t) => {
  const { claim, turn } = await setUp(t)
  const first = (await claim('a')).claim
  t.deepEqual([first.number, first.from, first.until], [0, START, START + HOUR_MS])
  await turn(HOUR_MS)
  t.is((await claim('b')).claim.number, 1)
  await turn(1)
  const next = (await claim('c')).claim
  t.is(next.number, 0)
  t.true(next.from > first.until)
})

test('a number that was given back is free only after its last stamp', async (t) => {
  const { claim, turn, at } = await setUp(t)
  const first = await claim('a')
  await first.release(at() + 60_000)
  t.is(first.claim.until, 0)
  t.is((await claim('b')).claim.number, 1)
  await turn(60_001)
  t.is((await claim('c')).claim.number, 0)
})

test('a number with which nothing was stamped is not free before its claim began', async (t) => {
  const { claim, turn } = await setUp(t)
  await turn(DAY_MS)
  await (await claim('a')).release(0)
  await turn(-DAY_MS)
  t.is((await claim('b')).claim.number, 1)
})

test('a claim is renewed ahead of its end', async (t) => {
  const { claim, turn } = await setUp(t)
  await claim('a')
  const number = await claim('b', 20)
  const { until } = number.claim
  await turn(10 * 60_000)
  await waitUntil('the claim reaches further', () => number.claim.until === until + 10 * 60_000)
  t.is(number.claim.number, 1)
})

test('a clock that steps back shortens no claim, and takes no number away', async (t) => {
  const { claim, turn, database, changes } = await setUp(t)
  const number = await claim('a', 20)
  const { until } = number.claim
  await turn(-30 * 60_000)
  const renewed = await claim('b', 20)
  await turn(31 * 60_000)
  await waitUntil('both were renewed', () => number.claim.until > until && renewed.claim.until > until)
  t.deepEqual([number.claim.number, changes], [0, []])
  const { rows } = await database.pool.query<{ until: string }>('SELECT stamps_until AS until FROM node_numbers')
  for (const row of rows) t.true(Number(row.until) > until)
})

test('a node that has lost its number to another goes on with one of its own', async (t) => {
  const { claim, database, changes } = await setUp(t)
  const frozen = await claim('a', 20)
  await database.pool.query("UPDATE node_numbers SET node = 'another' WHERE number = $1", [frozen.claim.number])
  await waitUntil('it has another', () => frozen.claim.number === 1)
  t.deepEqual(changes, ['another node has the number'])
  await frozen.release(0)
  const { rows } = await database.pool.query<{ node: string }>('SELECT node FROM node_numbers WHERE number = 0')
  t.is(rows[0]?.node, 'another')
})

test('a claim that has run out is renewed when it is wanted, and one that is far ahead is changed for another', async (t) => {
  const { claim, turn, changes, at } = await setUp(t)
  const node = await claim('a')
  await turn(2 * HOUR_MS)
  node.wantMore(0)
  await waitUntil('it was renewed', () => node.claim.until === at() + HOUR_MS)
  t.is(node.claim.number, 0)
  node.wantMore(at() + DAY_MS)
  await waitUntil('it reaches further', () => node.claim.until === at() + DAY_MS + HOUR_MS)
  await turn(-HOUR_MS)
  node.wantAnother()
  await waitUntil('it has another', () => node.claim.number === 1)
  t.is(node.claim.from, at())
  t.deepEqual(changes, ['the clock stepped back'])
})

test('whatever the clock does and whoever stands still, no two claims of a number meet', async (t) => {
  const { claim, turn, database } = await setUp(t)
  /** All claims ever made, those of frozen and of dead nodes too. */
  const made = new Set<NodeNumberClaim>()
  const nodes = await Promise.all(Array.from({ length: 4 }, (_, i) => claim(`node-${i}`)))
  const steps = [
    31 * DAY_MS,
    -31 * DAY_MS,
    2 * HOUR_MS,
    -10 * 60_000,
    10 * 60_000,
    DAY_MS,
    -DAY_MS,
    61 * 60_000,
    -5_000,
  ]
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff
    return (seed >> 8) % below
  }
  for (let round = 0; round < 60; round++) {
    for (const node of nodes) made.add(node.claim)
    const node = nodes[random(nodes.length)]!
    const { claim: before } = node
    const { until } = before
    const what = random(4)
    if (what === 0) await turn(steps[random(steps.length)]!)
    else if (what === 1) {
      node.wantMore(0)
      await waitUntil('it was tried', async () => {
        const { rows } = await database.pool.query<{ until: string }>(
          'SELECT stamps_until AS until FROM node_numbers WHERE number = $1',
          [node.claim.number],
        )
        return node.claim !== before || Number(rows[0]!.until) === node.claim.until || node.claim.until !== until
      })
    } else if (what === 2) nodes.push(await claim(`node-${nodes.length}`))
  }
  for (const node of nodes) made.add(node.claim)
  const claims = [...made].filter(({ from, until }) => until > from)
  for (const one of claims) {
    for (const other of claims) {
      if (one === other || one.number !== other.number) continue
      t.true(one.until <= other.from || other.until <= one.from, JSON.stringify([one, other]))
    }
  }
  t.true(claims.length > 10)
})

test('when every number is taken, a node does not start', async (t) => {
  const { claim, database, at } = await setUp(t)
  await database.pool.query(
    `INSERT INTO node_numbers SELECT i, 'taken', $1 FROM generate_series(0, ${NODE_NUMBERS - 1}) i`,
    [at() + HOUR_MS],
  )
  await t.throwsAsync(claim('late'), { message: /node numbers are taken/ })
})
