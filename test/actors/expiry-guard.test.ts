import test from 'ava'
import { ExpiryGuard } from '../../src/actors/expiry-guard.ts'

const DAY = 86_400_000
const SETTINGS = { floodRows: 20, floodShare: 0.1, holdMs: DAY }
const CALM = { rows: 1_000, expired: 3 }
const FLOOD = { rows: 1_000, expired: 101 }

function setUp() {
  const world = { ms: 5, agree: true }
  const told: string[] = []
  const events = {
    expiryHeld: (reason: string) => void told.push(reason),
    expiryResumed: () => void told.push('resumed'),
  }
  const guard = new ExpiryGuard(SETTINGS, events, { now: () => world.ms }, () => world.agree)
  return { world, told, guard }
}

test('what is over may go, a little at a time', (t) => {
  const { guard, told } = setUp()
  for (const survey of [CALM, { rows: 20, expired: 20 }, { rows: 1_000, expired: 100 }, { rows: 0, expired: 0 }]) {
    guard.judge(0, survey)
    t.true(guard.open, JSON.stringify(survey))
  }
  t.deepEqual(told, [])
})

test('nothing expires while clocks differ', (t) => {
  const { guard, world, told } = setUp()
  world.agree = false
  t.false(guard.open)
  guard.judge(0, CALM)
  world.agree = true
  t.true(guard.open)
  guard.judge(0, CALM)
  t.deepEqual(told, ['the clocks differ', 'resumed'])
})

test('a flood is held for a day, told once, and then let go', (t) => {
  const { guard, world, told } = setUp()
  guard.judge(1, FLOOD)
  t.false(guard.open)
  world.ms += DAY - 1
  for (let i = 0; i < 3; i++) guard.judge(1, FLOOD)
  guard.judge(0, CALM)
  t.false(guard.open)
  world.ms += 1
  guard.judge(1, FLOOD)
  t.true(guard.open)
  t.deepEqual(told, ['about 101 of 1000 envelopes of database 2 have expired at once', 'resumed'])
  guard.judge(1, CALM)
  guard.judge(1, FLOOD)
  t.false(guard.open, 'the next flood is another one')
})

test('fifty messages that have expired together are a flood', (t) => {
  const { guard } = setUp()
  guard.judge(0, { rows: 50, expired: 50 })
  t.false(guard.open)
})

test('a flood that goes away by itself, as the clock is put right, was none', (t) => {
  const { guard } = setUp()
  guard.judge(0, FLOOD)
  guard.judge(0, CALM)
  t.true(guard.open)
})

test('nothing expires for a day after the clock stepped', (t) => {
  const { guard, world } = setUp()
  guard.clockStepped()
  guard.judge(0, CALM)
  t.false(guard.open)
  world.ms += DAY
  t.true(guard.open)
})

test('an operator lets go what is held, and a later step holds again', (t) => {
  const { guard } = setUp()
  t.false(guard.release())
  guard.judge(0, FLOOD)
  guard.clockStepped()
  t.true(guard.release())
  guard.judge(0, FLOOD)
  t.true(guard.open)
  guard.clockStepped()
  t.false(guard.open)
})

test('an operator changes nothing while clocks differ', (t) => {
  const { guard, world } = setUp()
  world.agree = false
  guard.release()
  t.false(guard.open)
})
