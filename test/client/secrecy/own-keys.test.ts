import test from 'ava'
import { RefusedError } from '../../../client/errors.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import { Kind } from '../../../proto/frames.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { ADDRESS, contentOf, envelopeOf, hint, ME, newWorld, PEER, setUp, uuid } from '../helpers/scripted.ts'
import { lasting, recordsOf } from '../helpers/stores.ts'
import type { Store } from '../../../client/store.ts'

const DAY_MS = 24 * 3_600_000
const phone = { user: PEER, device: 1 }

/** How many secrets of each sort the store has. */
async function pools(store: Store): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { key } of await recordsOf(store)) {
    const [, pool] = /^preKey\/(\w+)\//.exec(key) ?? []
    if (pool !== undefined) counts[pool] = (counts[pool] ?? 0) + 1
  }
  return counts
}

test('what was made is published before the first connection: a hundred one-time keys, twenty of the KEM', async (t) => {
  const store = memoryStore()
  const { client, wire, station } = await setUp({ store })
  await wire.session(1)
  const { oneTimePreKeys, kemPreKeys, signedPreKey, lastResort } = station.keysOf(ADDRESS)
  t.deepEqual([oneTimePreKeys.length, kemPreKeys.length], [100, 20])
  t.deepEqual([signedPreKey?.length, lastResort?.length], [109, 1_260])
  t.is(station.lists.get(ME)?.length, 1)
  t.deepEqual(await pools(store), { signed: 1, lastResort: 1, oneTime: 100, kem: 20 })
  await client.close()
})

test('keys that the server does not take are told, keep nobody offline, and are offered again', async (t) => {
  const world = await newWorld()
  world.station.before = (request) => {
    if (request === 'putList') throw new RefusedError('CLOCK_SKEW', 'Look at your clock', false)
  }
  const store = lasting(memoryStore())
  const first = await setUp({ store }, world)
  const errors: string[] = []
  first.client.on('error', ({ code }) => errors.push(code))
  const session = await first.wire.session(1)
  t.deepEqual(errors, ['CLOCK_SKEW'])
  t.is(first.client.connection.phase, 'online')
  t.is(world.station.lists.get(ME), undefined)
  world.station.before = () => {}
  session.end(1006)
  first.clock.advance(1_000)
  await first.wire.session(2)
  t.is(world.station.lists.get(ME)?.length, 1)
  t.is(world.station.keysOf(ADDRESS).oneTimePreKeys.length, 100)
  await first.client.close()
  const puts = world.station.count('put', ME)
  const again = await setUp({ store }, world)
  await again.wire.session(1)
  t.is(world.station.count('put', ME), puts, 'once is enough')
  await again.client.close()
})

test('a stock that runs low is filled up, after a while that nobody can tell, and old keys stay good', async (t) => {
  const store = memoryStore()
  const { client, clock, wire, station, peer, shown } = await setUp({ store, random: () => 0.5 })
  const session = await wire.session(1)
  const early = station.take(ADDRESS)
  const keys = station.keysOf(ADDRESS)
  keys.oneTimePreKeys.splice(0, 90)
  keys.kemPreKeys.splice(0, 10)
  session.say(hint(1, { keysLow: { opk: 9, pqOpk: 9 } }), hint(2, { keysLow: { opk: 8, pqOpk: 9 } }))
  await waitUntil('it is stored', () => session.all('ack').at(-1)?.upTo === 2)
  t.is(station.count('stock', ME), 0)
  clock.advance(4_999)
  t.is(station.count('stock', ME), 0)
  clock.advance(1)
  await waitUntil('there are enough', () => keys.oneTimePreKeys.length === 100)
  await waitUntil('of both sorts', () => keys.kemPreKeys.length >= 20)
  t.is(station.count('stock', ME), 1, 'one refill for two hints')
  const ids = new Set(keys.oneTimePreKeys.map((key) => new DataView(key.buffer, key.byteOffset).getUint32(0)))
  t.is(ids.size, 100, 'no id comes twice')
  for (const [number, taken] of [early, station.take(ADDRESS)].entries()) {
    peer.phone.start(ADDRESS, taken)
    const text = peer.phone.text(ADDRESS, uuid(number), `text ${number}`)
    session.say({ type: 'deliver', seq: 3 + number, envelope: envelopeOf(number, phone, text) })
  }
  await waitUntil('both are read', () => shown.length === 2)
  t.deepEqual(shown.map(contentOf), ['text 0', 'text 1'])
  await client.close()
})

test('a one-time key is deleted with the message that used it, and a first message is taken once', async (t) => {
  const store = lasting(memoryStore())
  const world = await newWorld()
  const { client, wire, station, peer, shown } = await setUp({ store }, world)
  const session = await wire.session(1)
  peer.phone.start(ADDRESS)
  const first = peer.phone.text(ADDRESS, uuid(1), 'one')
  // With neither sort of one-time keys left.
  const keys = station.keysOf(ADDRESS)
  keys.oneTimePreKeys.length = 0
  keys.kemPreKeys.length = 0
  peer.phone.forget()
  peer.phone.start(ADDRESS)
  const second = peer.phone.text(ADDRESS, uuid(2), 'two')
  session.say(
    { type: 'deliver', seq: 1, envelope: envelopeOf(1, phone, first) },
    { type: 'deliver', seq: 2, envelope: envelopeOf(2, phone, second) },
  )
  await waitUntil('both are read', () => shown.length === 2)
  t.deepEqual(await pools(store), { signed: 1, lastResort: 1, oneTime: 99, kem: 19 })
  await client.close()

  // Its session is gone, so only the memory of the key that it began with tells that it came before.
  await store.transaction(async (transaction) => {
    for (const { key } of await transaction.scan({ prefix: 'session/', limit: 9 })) transaction.delete(key)
  })
  const again = await setUp({ store }, world)
  const next = await again.wire.session(1)
  next.say(
    { type: 'deliver', seq: 1, envelope: envelopeOf(11, phone, first) },
    { type: 'deliver', seq: 2, envelope: envelopeOf(12, phone, second) },
    { type: 'deliver', seq: 3, envelope: envelopeOf(13, phone, second) },
  )
  await waitUntil('all is stored', () => next.all('ack').at(-1)?.upTo === 3)
  await again.client.chats()
  t.false(again.shown.some(({ body }) => body.type === 'text'))
  t.deepEqual((await again.client.history(PEER)).filter(({ body }) => body.type === 'text').map(contentOf), [
    'one',
    'two',
  ])
  await again.client.close()
})

test('keys are changed after three days; the old ones are good for thirty more, and then until all was read', async (t) => {
  const store = memoryStore()
  const { client, clock, wire, station, peer, shown } = await setUp({ store })
  let session = await wire.session(1)
  const reconnect = async (number: number): Promise<void> => {
    session.end(1006)
    clock.advance(60_000)
    session = await wire.session(number)
  }
  const early = [station.take(ADDRESS), station.take(ADDRESS), station.take(ADDRESS)]
  const before = station.keysOf(ADDRESS).signedPreKey
  clock.jump(3 * DAY_MS)
  await reconnect(2)
  clock.advance(10_000)
  await waitUntil('there are new keys', () => station.keysOf(ADDRESS).signedPreKey !== before)
  t.deepEqual([(await pools(store))['signed'], (await pools(store))['lastResort']], [2, 2])

  let seq = 0
  const say = (number: number): void => {
    seq += 1
    peer.phone.start(ADDRESS, early[number - 1])
    const text = peer.phone.text(ADDRESS, uuid(number), `text ${number}`)
    session.say({ type: 'deliver', seq, envelope: envelopeOf(number, phone, text) })
  }
  say(1)
  session.say({ type: 'caughtUp' })
  await waitUntil('the first is read', () => shown.length === 1)

  // A device that was away for long reads what waited before it deletes the keys for it.
  clock.jump(31 * DAY_MS)
  peer.nowMs = clock.now()
  await peer.change(1)
  peer.publishList()
  seq = 0
  await reconnect(3)
  say(2)
  await waitUntil('the second is read', () => shown.length === 2)
  t.true(((await pools(store))['signed'] ?? 0) >= 2)
  session.say({ type: 'caughtUp' })
  await waitUntil('the oldest keys are gone', async () => (await pools(store))['signed'] !== 3)
  const gone = shown.length
  say(3)
  await waitUntil('the third is shown', () => shown.length > gone)
  t.deepEqual(shown.map(contentOf), ['text 1', 'text 2', 'undecrypted'])
  t.is((await session.nthSent(Kind.DEVICE_EVENT, 1)).to, PEER)
  await client.close()
})

test('what waits for a device list keeps the keys that it was encrypted for', async (t) => {
  const store = memoryStore()
  const { client, clock, wire, station, peer, shown } = await setUp({ store })
  let session = await wire.session(1)
  const early = station.take(ADDRESS)
  peer.phone.start(ADDRESS, early)
  const text = peer.phone.text(ADDRESS, uuid(1), 'waits')
  const before = station.keysOf(ADDRESS).signedPreKey
  const reconnect = async (number: number): Promise<void> => {
    session.end(1006)
    clock.advance(60_000)
    session = await wire.session(number)
  }
  clock.jump(3 * DAY_MS)
  await reconnect(2)
  clock.advance(10_000)
  await waitUntil('there are new keys', () => station.keysOf(ADDRESS).signedPreKey !== before)
  clock.jump(31 * DAY_MS)
  station.before = (request, about) => {
    if (request === 'lists' && about === PEER) throw new RefusedError('UNREACHABLE', 'Away', true)
  }
  await reconnect(3)
  let caughtUp = 0
  client.on('caughtUp', () => (caughtUp += 1))
  session.say({ type: 'deliver', seq: 1, envelope: envelopeOf(1, phone, text) }, { type: 'caughtUp' })
  await waitUntil('it has caught up', () => caughtUp === 1)
  t.is(shown.length, 0)
  station.before = () => {}
  peer.nowMs = clock.now()
  await peer.change(1)
  peer.publishList()
  session.say(hint(2, { devicesChanged: { user: String(PEER) } }))
  await waitUntil('it is read', () => shown.length === 1)
  t.deepEqual(shown.map(contentOf), ['waits'])
  await client.close()
})

test('the device list is signed anew after a week, and before it would be too old', async (t) => {
  const { client, clock, wire, station } = await setUp()
  const session = await wire.session(1)
  t.is(station.lists.get(ME)?.length, 1)
  clock.jump(7 * DAY_MS)
  session.end(1006)
  clock.advance(60_000)
  await wire.session(2)
  await waitUntil('there is a second list', () => station.lists.get(ME)?.length === 2)
  await client.close()
})
