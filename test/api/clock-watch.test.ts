import test from 'ava'
import { ClockWatch } from '../../src/api/clock-watch.ts'
import { monotonicClock } from '../../src/shared/clock.ts'
import { TestClock } from '../helpers/clock.ts'
import { createTestDatabase, openDatabase, queryDatabase, turnDatabaseClock } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'

const SETTINGS = { lookIntervalMs: 60_000, looks: 3, goodLookMs: 50, toleranceMs: 1_000 }
const DAY = 86_400_000

async function setUp(t: Teardown, databases: number) {
  const urls = await Promise.all(Array.from({ length: databases }, () => createTestDatabase(t)))
  const opened = await Promise.all(urls.map((url) => openDatabase(url)))
  for (const database of opened) t.teardown(() => database.close())
  const told: string[] = []
  const events = {
    taskFailed: (_task: string, error: unknown) => void told.push(String(error)),
    clockStepped: () => void told.push('stepped'),
    clocksDiffer: () => void told.push('differ'),
    clocksAgree: () => void told.push('agree'),
  }
  const system = new TestClock()
  const watch = await ClockWatch.open({ databases: opened, settings: SETTINGS, events, system })
  return { urls, watch, system, told }
}

test('clocks that agree are well, and the node’s time is PostgreSQL’s', async (t) => {
  const { watch, told } = await setUp(t, 2)
  t.deepEqual(watch.check(), { state: 'ok' })
  t.true(watch.agree)
  t.deepEqual(told, [])
  t.true(Math.abs(watch.clock.now() - Date.now()) < 1_000)
})

test('a machine whose clock is off is told by how much, and the node’s time does not change', async (t) => {
  const { watch, system, told } = await setUp(t, 1)
  for (const [ms, words] of [
    [31 * DAY, /31 days ahead of PostgreSQL's/],
    [-601_000, /10 minutes behind PostgreSQL's/],
    [-2_500, /2\.5 s behind/],
  ] as const) {
    const before = watch.clock.now()
    system.advance(ms)
    // At once, without a look.
    t.false(watch.agree)
    const health = watch.check()
    t.is(health.state, 'failed')
    if (health.state !== 'ok') t.regex(health.reason, words)
    await watch.look()
    t.true(Math.abs(watch.clock.now() - before) < 10_000)
    t.is(Math.round(watch.systemOffsetMs / 1_000), Math.round(ms / 1_000))
    system.advance(-ms)
    await watch.look()
    t.deepEqual(watch.check(), { state: 'ok' })
  }
  t.deepEqual(told, ['differ', 'agree', 'differ', 'agree', 'differ', 'agree'])
})

test('a step of PostgreSQL’s clock is followed and told', async (t) => {
  const { watch, urls, told } = await setUp(t, 1)
  let stepped = 0
  watch.onStep(() => void stepped++)
  await turnDatabaseClock(urls[0]!, 600_000)
  await watch.look()
  t.true(watch.clock.now() - Date.now() > 590_000)
  t.is(watch.check().state, 'failed')
  await turnDatabaseClock(urls[0]!, 0)
  await watch.look()
  t.true(Math.abs(watch.clock.now() - Date.now()) < 10_000)
  t.is(stepped, 2)
  t.deepEqual(told, ['stepped', 'differ', 'stepped', 'agree'])
})

test('a database whose clock is off is named, and takes no node out of service', async (t) => {
  const { watch, urls, told } = await setUp(t, 3)
  await turnDatabaseClock(urls[1]!, -200_000)
  await watch.look()
  t.false(watch.agree)
  const health = watch.check()
  t.is(health.state, 'degraded')
  if (health.state !== 'ok') t.regex(health.reason, /^the clock of database 2 is 3 minutes behind that of the first/)
  await turnDatabaseClock(urls[1]!, 0)
  await watch.look()
  t.true(watch.agree)
  t.deepEqual(told, ['differ', 'agree'])
})

test('without PostgreSQL the time goes on', async (t) => {
  const { watch, urls, told } = await setUp(t, 1)
  const [before, since] = [watch.clock.now(), monotonicClock.now()]
  const name = new URL(urls[0]!).pathname.slice(1)
  const server = new URL(urls[0]!)
  server.pathname = '/postgres'
  await queryDatabase(server.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
  await queryDatabase(server.href, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
  await watch.look()
  const passed = monotonicClock.now() - since
  t.true(Math.abs(watch.clock.now() - before - passed) < 50)
  t.true(told.length > 0)
  t.is(watch.check().state, 'ok')
})
