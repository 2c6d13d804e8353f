import test from 'ava'
import { hasPassed } from '../../client/clock.ts'
import { ServerClock } from '../../client/server-clock.ts'
import { ManualClock } from './helpers/manual-clock.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

test("it is the device's time until the server has told its own, and then the server's, whoever sets the device's", (t) => {
  const device = new ManualClock()
  const clock = new ServerClock(device)
  const start = device.now()
  device.set(HOUR_MS)
  t.is(clock.now(), start + HOUR_MS)
  t.is(clock.errorMs, 0)
  clock.told(start)
  t.is(clock.now(), start)
  t.is(clock.errorMs, HOUR_MS)
  device.set(-5 * HOUR_MS)
  device.advance(1_000)
  t.is(clock.now(), start + 1_000)
  t.is(clock.errorMs, -4 * HOUR_MS)
})

test('more than a day of difference in either direction is wrong, until it is set right', (t) => {
  for (const direction of [1, -1]) {
    const device = new ManualClock()
    const clock = new ServerClock(device)
    clock.told(device.now())
    device.set(direction * DAY_MS)
    t.true(clock.isRight)
    device.set(direction)
    t.false(clock.isRight)
    device.set(-direction * HOUR_MS)
    t.true(clock.isRight)
  }
})

test('a time that a clock noted which was ahead is over', (t) => {
  t.false(hasPassed(1_000, 500, 1_500))
  t.true(hasPassed(1_000, 500, 1_501))
  t.false(hasPassed(1_000, 500, 500))
  t.true(hasPassed(1_000, 500, 499))
})
