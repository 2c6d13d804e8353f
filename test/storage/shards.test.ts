import test from 'ava'
import * as fc from 'fast-check'
import type { UserId } from '../../src/shared/ids.ts'
import { Shards, SLOTS, slotOf } from '../../src/storage/shards.ts'

const user = (number: number) => number as UserId

/** Rows of running servers lie where these say. */
const SLOTS_OF_KNOWN_USERS = [143, 860, 376, 755, 952]

test('the slot of a user is the same for ever', (t) => {
  const slots = [1, 15550000001, 15550000002, 442079460958, 999_999_999_999_999].map((number) => slotOf(user(number)))
  t.deepEqual(slots, SLOTS_OF_KNOWN_USERS)
})

test('every user has one slot and one database', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999_999_999_999 }), fc.integer({ min: 1, max: 16 }), (number, count) => {
      const shards = new Shards(Array.from({ length: count }, (_, index) => index))
      const slot = slotOf(user(number))
      return (
        slot >= 0 &&
        slot < SLOTS &&
        Number.isInteger(slot) &&
        shards.of(user(number)) === Math.floor((slot * count) / SLOTS)
      )
    }),
  )
  t.pass()
})

test('users of neighbouring numbers spread evenly', (t) => {
  for (const first of [15550000000, 4915100000000]) {
    const counts = Array.from({ length: SLOTS }, () => 0)
    const users = 200 * SLOTS
    for (let index = 0; index < users; index++) counts[slotOf(user(first + index))]!++
    // Twelve standard deviations of a random spread.
    for (const count of counts) t.true(Math.abs(count - 200) < 12 * Math.sqrt(200))
  }
})
