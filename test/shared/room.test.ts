import test from 'ava'
import { Room } from '../../src/shared/room.ts'

test('a room holds so many bytes, and what is freed may be taken again', (t) => {
  const room = new Room(10)
  t.true(room.take(6))
  t.false(room.take(5))
  t.is(room.bytes, 6)
  t.true(room.take(4))
  room.free(6)
  t.true(room.take(5))
  t.is(room.bytes, 9)
})
