import test from 'ava'
import { encodeBase64 } from '../../../proto/base64.ts'
import { Kind } from '../../../proto/frames.ts'
import type { DeliverFrame } from '../../../proto/frames.ts'
import { readHeader } from '../../../client/crypto/sessions/receive.ts'
import { makeKeys } from '../../../client/secrecy/own-keys.ts'
import { NOW, primitives } from '../crypto/helpers/people.ts'
import { LIST_LIFETIME_MS } from '../../../client/crypto/devices/device-list.ts'
import { RefusedError } from '../../../client/errors.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import type { Message } from '../../../client/message.ts'
import type { Store } from '../../../client/store.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { ADDRESS, contentOf, hint, newWorld, PEER, setUp, uuid } from '../helpers/scripted.ts'
import { lasting } from '../helpers/stores.ts'

const tablet = { user: PEER, device: 2 }

const numbersOf = (messages: readonly Message[]): string[] => messages.map(contentOf)

test('what a device sends that no list names waits, is shown in order once one does, and holds up nobody else', async (t) => {
  const { client, wire, peer, station, shown, deliver } = await setUp()
  const session = await wire.session(1)
  session.say(deliver(1))
  await waitUntil('the phone was read', () => shown.length === 1)
  await peer.change(1, 2)
  session.say(deliver(2, 2, { from: tablet }), deliver(3, 3, { from: tablet }), deliver(4))
  await waitUntil('the phone is read on', () => shown.length === 2)
  await waitUntil('the list was asked for', () => station.count('lists', PEER) >= 2)
  await client.chats()
  t.deepEqual(numbersOf(shown), ['text 1', 'text 4'])
  t.is(session.all('ack').at(-1)?.upTo, 4, 'it is stored, so it is acknowledged')
  // It comes after what waits although its list is there by then.
  peer.publishList()
  session.say(deliver(5, 5, { from: tablet }))
  await waitUntil('all is shown', () => shown.length === 5)
  t.deepEqual(numbersOf(shown), ['text 1', 'text 4', 'text 2', 'text 3', 'text 5'])
  t.deepEqual(
    shown.map(({ device }) => device),
    [1, 1, 2, 2, 2],
  )
  await client.close()
})

test('what waits is opened when the server says that there is a newer list', async (t) => {
  const { client, wire, peer, station, shown, deliver } = await setUp()
  const session = await wire.session(1)
  session.say(deliver(1))
  await waitUntil('the phone was read', () => shown.length === 1)
  await peer.change(1, 2)
  session.say(deliver(2, 2, { from: tablet }))
  await waitUntil('the list was asked for', () => station.count('lists', PEER) >= 2)
  await client.chats()
  peer.publishList()
  session.say(hint(3, { devicesChanged: { user: String(PEER) } }))
  await waitUntil('it is shown', () => shown.length === 2)
  t.deepEqual(numbersOf(shown), ['text 1', 'text 2'])
  await client.close()
})

test('what waits outlives the client, and is opened by the next one', async (t) => {
  const world = await newWorld()
  const store = lasting(memoryStore())
  const first = await setUp({ store }, world)
  world.station.before = (request) => {
    if (request === 'lists') throw new RefusedError('UNREACHABLE', 'Away', true)
  }
  const session = await first.wire.session(1)
  session.say(first.deliver(1), first.deliver(2))
  await session.nth('ack')
  await first.client.close()
  t.is(first.shown.length, 0)
  world.station.before = () => {}
  const next = await setUp({ store }, world)
  await next.wire.session(1)
  await waitUntil('both are shown', () => next.shown.length === 2)
  t.deepEqual(numbersOf(next.shown), ['text 1', 'text 2'])
  await next.client.close()
})

for (const how of ['under the same account key', 'under another one'] as const) {
  test(`what an earlier installation of a device has sent holds up nothing of the present one: ${how}`, async (t) => {
    const { client, wire, peer, shown, deliver } = await setUp()
    const session = await wire.session(1)
    const old = deliver(1)
    if (how === 'under the same account key') await peer.reinstall()
    else await peer.beginAgain(NOW + 1)
    session.say(old, deliver(2))
    await waitUntil('both are shown', () => shown.length === 2)
    t.deepEqual(numbersOf(shown), ['undecrypted', 'text 2'])
    t.is((await session.nthSent(Kind.DEVICE_EVENT)).copies.length, 1, 'it is asked for again')
    await client.close()
  })
}

test('what was encrypted before this device was registered anew goes out encrypted anew', async (t) => {
  const store = lasting(memoryStore())
  const world = await newWorld()
  const first = await setUp({ store }, world)
  await first.client.trust.ask(PEER)
  const session = await first.wire.session(1)
  const message = first.client.sendText(PEER, 'Hello')
  const before = await session.nthSent(Kind.MESSAGE)
  await first.client.close()
  const { clock } = first
  await store.transaction((transaction) => makeKeys({ primitives, clock }, transaction, ADDRESS))
  const again = await setUp({ store }, world)
  const after = await (await again.wire.session(1)).nthSent(Kind.MESSAGE)
  t.is(after.id, message.id)
  const certificates = [before, after].map(({ copies }) =>
    readHeader(copies[0]?.payload ?? new Uint8Array(0)).preKey?.certificate.join(),
  )
  t.not(certificates[0], certificates[1])
  t.is(world.peer.phone.read(ADDRESS, after.copies[0]?.payload ?? new Uint8Array(0)), 'Hello')
  await again.client.close()
})

test('of an expired list the first device is heard, and the others wait for a fresh one', async (t) => {
  const { client, clock, wire, peer, shown, deliver } = await setUp({}, await newWorld(3))
  const session = await wire.session(1)
  const laptop = { user: PEER, device: 3 }
  session.say(deliver(1), deliver(2, 2, { from: tablet }), deliver(3, 3, { from: laptop }))
  await waitUntil('all were read', () => shown.length === 3)
  clock.jump(LIST_LIFETIME_MS + 1_000)
  // One on its session, one on a new one.
  peer.device(3).forget()
  session.say(deliver(4, 4, { from: tablet }), deliver(5, 5, { from: laptop }), deliver(6))
  await waitUntil('the phone was read', () => numbersOf(shown).includes('text 6'))
  await client.chats()
  t.deepEqual(numbersOf(shown), ['text 1', 'text 2', 'text 3', 'text 6'])
  peer.nowMs = clock.now()
  await peer.change(1, 2, 3)
  peer.publishList()
  session.say(hint(7, { devicesChanged: { user: String(PEER) } }))
  await waitUntil('all is shown', () => shown.length === 6)
  t.deepEqual(numbersOf(shown).slice(4), ['text 4', 'text 5'])
  await client.close()
})

test('to an expired list only the first device is written', async (t) => {
  const { client, clock, wire, peer } = await setUp({}, await newWorld(2))
  const session = await wire.session(1)
  client.sendText(PEER, 'to both')
  t.is((await session.nthSent(Kind.MESSAGE)).copies.length, 2)
  clock.jump(LIST_LIFETIME_MS + 1_000)
  client.sendText(PEER, 'to one')
  const { copies } = await session.nthSent(Kind.MESSAGE, 2)
  t.deepEqual(
    copies.map(({ device, payload }) => [device, peer.device(device).read(ADDRESS, payload)]),
    [[1, 'to one']],
  )
  await client.close()
})

test('only the server itself gives hints, and only about what this device can ask for', async (t) => {
  const { client, wire, station } = await setUp()
  const session = await wire.session(1)
  const body = { devicesChanged: { user: String(PEER) } }
  const said = hint(1, body).envelope
  const strangers: DeliverFrame[] = [
    { type: 'deliver', seq: 1, envelope: { ...said, from: { user: PEER, device: 0 } } },
    { type: 'deliver', seq: 2, envelope: { ...said, from: { user: PEER, device: 1 }, id: uuid(2) } },
    { type: 'deliver', seq: 3, envelope: { ...said, payload: new TextEncoder().encode(encodeBase64(said.payload)) } },
  ]
  session.say(...strangers)
  await session.nth('ack')
  t.is(station.count('lists', PEER), 0)
  session.say({ ...hint(4, body) })
  await waitUntil('the server was asked', () => station.count('lists', PEER) === 1)
  await client.close()
})

test('what the store could not take of it comes again, waits once, and delays nothing after', async (t) => {
  const inner = memoryStore()
  let failing = false
  const store: Store = {
    transaction: (work) =>
      inner.transaction(async (transaction) => {
        const result = await work(transaction)
        if (!failing) return result
        failing = false
        throw new RangeError('The disk is full')
      }),
    close: () => inner.close(),
  }
  const { client, clock, wire, station, shown, deliver } = await setUp({ store })
  const session = await wire.session(1)
  await client.chats()
  failing = true
  session.say(deliver(1))
  await waitUntil('the connection was given up', () => session.closed)
  t.is(station.count('lists', PEER), 0)
  clock.advance(1_000)
  const next = await wire.session(2)
  next.say(deliver(1))
  await waitUntil('it is shown', () => shown.length === 1)
  const asked = station.count('lists', PEER)
  next.say(deliver(2))
  await waitUntil('the next one is shown', () => shown.length === 2)
  t.is(station.count('lists', PEER), asked, 'nothing waits any more')
  await client.close()
})
