import test from 'ava'
import { ConnectionPlaces } from '../../src/transport/connection-places.ts'

function setUp(max: number) {
  const told: unknown[] = []
  const places = new ConnectionPlaces(
    { max, crowdedShare: 0.5, prefixShare: 0.25, forProbes: 2 },
    { connectionRefused: (why) => void told.push(why), crowdedChanged: (crowded) => void told.push(crowded) },
  )
  /** As uWebSockets.js tells of it: one that is refused is closed at once. */
  const open = (prefix: string | undefined, count = 1, mayProbe = false): boolean[] =>
    Array.from({ length: count }, () => {
      const refusal = places.opened(prefix, mayProbe)
      if (refusal !== undefined) places.closed()
      return refusal === undefined
    })
  return { places, told, open }
}

test('while there is room anybody may have as many as they like, and a crowded node shares them out', (t) => {
  const { places, told, open } = setUp(20)
  t.true(open('a', 10).every(Boolean))
  t.false(places.crowded)
  t.deepEqual(open('b', 6), [true, true, true, true, true, false])
  t.true(places.crowded)
  t.deepEqual(open('a'), [false])
  t.deepEqual(open('c', 4), [true, true, true, false])
  t.is(places.open, 18)
  t.deepEqual(told, [true, 'prefix', 'prefix', 'prefix'])
})

test('however many fill a crowded node together, as much is left for everybody else as each of them has', (t) => {
  const { places, told, open } = setUp(100)
  for (let round = 0; round < 100; round++) for (let i = 0; i < 9; i++) open(`attacker ${i}`)
  t.is(places.open, 90)
  t.deepEqual(open('somebody'), [true])
  t.false(told.includes('all'))
})

test('when there is no room for anybody, there is a little for those who may ask how the node is', (t) => {
  const { places, told, open } = setUp(8)
  for (let i = 0; i < 8; i++) open(`client ${i}`)
  t.false(places.full)
  t.deepEqual(open('client 9'), [false])
  t.deepEqual(open('a', 3, true), [true, true, false])
  t.true(places.full)
  t.deepEqual(told, [true, 'all', 'all'])
  places.closed()
  places.closed()
  t.false(places.full)
})

test('it is crowded until there is some room again', (t) => {
  const { places, told, open } = setUp(20)
  open('a', 10)
  open('b')
  places.closed()
  t.true(places.crowded)
  places.closed()
  t.false(places.crowded)
  t.deepEqual(told, [true, false])
})

test('a WebSocket counts from its upgrade to its end, and for its prefix exactly', (t) => {
  const { places, open } = setUp(8)
  open('a', 2)
  places.upgraded('a')
  places.upgraded('a')
  t.deepEqual([places.open, places.http], [2, 0])
  open('b', 2)
  open('c')
  t.is(places.admit('a'), 'prefix')
  places.socketClosed('a')
  t.is(places.open, 4)
  t.is(places.admit('a'), undefined)
})

test('an idle connection counts for its prefix until it must have ended, one with a request as long as that takes', (t) => {
  const { places, open } = setUp(8)
  open('a', 2)
  places.began('a')
  open('b', 3)
  places.turn()
  t.deepEqual(open('a'), [false])
  places.turn()
  t.deepEqual(open('a'), [true], 'only the one with a request counts')
  t.deepEqual(open('a'), [false])
  places.ended('a', true)
  t.deepEqual(open('a'), [false], 'its connection stays')
})

test('a connection that ends with its answer counts for its prefix no longer', (t) => {
  const { places, open } = setUp(16)
  for (let i = 0; i < 16; i++) {
    open('a')
    places.began('a')
    places.ended('a', false)
    places.closed()
  }
  for (let i = 0; i < 16; i++) {
    open('a')
    places.turnedAway('a')
    places.closed()
  }
  open('b', 4)
  open('c', 4)
  open('d')
  t.true(places.crowded)
  t.deepEqual(open('a'), [true])
})

test('a connection of a load balancer counts for nobody, but for its client with each request', (t) => {
  const { places, open } = setUp(8)
  t.true(open(undefined, 6).every(Boolean))
  places.began('a')
  t.is(places.admit('a'), undefined)
  places.began('a')
  t.is(places.admit('a'), 'prefix')
  t.is(places.admit('b'), undefined)
  t.deepEqual(open(undefined, 3), [true, true, false])
})
