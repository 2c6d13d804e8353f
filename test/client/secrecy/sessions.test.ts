import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import * as fc from 'fast-check'
import { memoryStore } from '../../../client/memory-store.ts'
import { CryptoError } from '../../../client/crypto/errors.ts'
import { keys } from '../../../client/records.ts'
import { Kind } from '../../../proto/frames.ts'
import type { SendFrame } from '../../../proto/frames.ts'
import { readHeader } from '../../../client/crypto/sessions/receive.ts'
import { decodePreKeyMessage, PRE_KEY_MESSAGE } from '../../../client/crypto/wire/pre-key-message.ts'
import { decodeRatchetMessage } from '../../../client/crypto/wire/ratchet-message.ts'
import { hex } from '../../../client/crypto/bytes.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { Peer } from '../helpers/peer.ts'
import { ADDRESS, contentOf, envelopeOf, newWorld, PEER, setUp, uuid } from '../helpers/scripted.ts'
import { lasting, recordsOf, storeOf } from '../helpers/stores.ts'

const OTHER = 15550000003
/** All of them are under way at once: first messages are large, and the window for bytes holds about thirty. */
const COUNT = 20
const SESSION = keys.session(PEER, 1)
const OTHER_SESSION = keys.session(OTHER, 1)
/** The record begins with its type and a count of sessions, which nothing else in it could contradict. */
const AFTER_GENERATION = 6
const phone = { user: PEER, device: 1 }
const payloadOf = (frame: SendFrame): Uint8Array => frame.copies[0]?.payload ?? new Uint8Array(0)

/** Which key a message went under: no two may share one. */
function placeOf(payload: Uint8Array): string {
  const inner = payload[1] === PRE_KEY_MESSAGE ? decodePreKeyMessage(payload).message : payload
  const { ratchetKey, number } = decodeRatchetMessage(inner)
  return `${hex(ratchetKey)} ${number}`
}

test('fifty messages that are sent at once, while fifty come, go each under a key of its own, in order', async (t) => {
  const { client, wire, peer, shown, deliver } = await setUp()
  const session = await wire.session(1)
  const numbers = Array.from({ length: COUNT }, (_, i) => i + 1)
  const incoming = numbers.map((number) => deliver(number))
  for (const number of numbers) {
    client.sendText(PEER, `sent ${number}`)
    session.say(incoming[number - 1] as (typeof incoming)[number])
    if (number % 10 === 0) await client.chats()
  }
  await waitUntil('all is shown', () => shown.length === COUNT)
  await session.nthSent(Kind.MESSAGE, COUNT)
  const sent = session.sent(Kind.MESSAGE).map(payloadOf)
  t.is(new Set(session.all('send').map((frame) => placeOf(payloadOf(frame)))).size, session.all('send').length)
  t.deepEqual(
    sent.map((payload) => peer.phone.read(ADDRESS, payload)),
    numbers.map((number) => `sent ${number}`),
  )
  t.deepEqual(
    shown.map(contentOf),
    numbers.map((number) => `text ${number}`),
  )
  await client.close()
})

test('keys are asked for once, however many messages wait for them, and a conversation that waits holds up no other', async (t) => {
  const { client, wire, station, peer } = await setUp()
  const other = await Peer.create(station, OTHER)
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  station.before = (request, about) => (request === 'take' && about === PEER ? gate : undefined)
  const session = await wire.session(1)
  for (let number = 1; number <= COUNT; number++) client.sendText(PEER, `sent ${number}`)
  await waitUntil('the keys were asked for', () => station.count('take', PEER) === 1)
  client.sendText(OTHER, 'Hello')
  const first = await session.nthSent(Kind.MESSAGE)
  t.is(first.to, OTHER)
  t.is(other.phone.read(ADDRESS, payloadOf(first)), 'Hello')
  open()
  await session.nthSent(Kind.MESSAGE, COUNT + 1)
  t.is(station.count('take', PEER), 1)
  t.is(station.count('lists', PEER), 1)
  t.deepEqual(
    session
      .sent(Kind.MESSAGE)
      .slice(1)
      .map((frame) => peer.phone.read(ADDRESS, payloadOf(frame))),
    Array.from({ length: COUNT }, (_, i) => `sent ${i + 1}`),
  )
  await client.close()
})

test('what the server answers when a client is closed already changes nothing that the next one goes on with', async (t) => {
  const world = await newWorld()
  const store = lasting(memoryStore())
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  world.station.before = (request) => (request === 'take' ? gate : undefined)
  const older = await setUp({ store }, world)
  await older.wire.session(1)
  older.client.on('error', (error) => t.fail(String(error)))
  older.client.sendText(PEER, 'Hello')
  await waitUntil('the keys were asked for', () => world.station.count('take', PEER) === 1)
  await older.client.close()
  world.station.before = () => {}
  const newer = await setUp({ store }, world)
  const session = await newer.wire.session(1)
  newer.client.sendText(PEER, 'Are you there?')
  const sent = [await session.nthSent(Kind.MESSAGE), await session.nthSent(Kind.MESSAGE, 2)].map(payloadOf)
  t.deepEqual(
    sent.map((payload) => world.peer.phone.read(ADDRESS, payload)),
    ['Hello', 'Are you there?'],
  )
  await newer.client.chats()
  const before = await recordsOf(store)
  open()
  for (let turn = 0; turn < 10; turn++) await setImmediate()
  t.deepEqual(await recordsOf(store), before)
  await newer.client.close()
})

test('whatever is damaged in the sessions with a device, what is sent arrives, and others are untouched', async (t) => {
  const world = await newWorld()
  const { station, peer } = world
  const other = await Peer.create(station, OTHER)
  const store = lasting(memoryStore())
  const first = await setUp({ store }, world)
  const session = await first.wire.session(1)
  for (const [number, one] of [peer, other].entries()) {
    const message = first.client.sendText(one.user, 'Hello')
    t.is(one.phone.read(ADDRESS, payloadOf(await session.nthSent(Kind.MESSAGE, number + 1))), 'Hello')
    session.say({ type: 'accepted', id: message.id, messageId: 1n, at: 5, delivered: [] })
    await first.client.whenAccepted(message)
    const answer = one.phone.text(ADDRESS, uuid(number), 'Hi')
    session.say({ type: 'deliver', seq: number + 1, envelope: envelopeOf(number, one.phone.address, answer) })
  }
  await waitUntil('both have answered', () => first.shown.length === 2)
  await first.client.close()
  const records = await recordsOf(store)
  const restore = peer.phone.remember()
  const good = records.find(({ key }) => key === SESSION)?.value ?? new Uint8Array(0)
  const untouched = records.find(({ key }) => key === OTHER_SESSION)
  t.true(good.length > 100 && untouched !== undefined)

  const change = fc.tuple(fc.integer({ min: AFTER_GENERATION, max: good.length - 1 }), fc.integer({ min: 1, max: 255 }))
  const end = fc.option(fc.integer({ min: 0, max: good.length }), { freq: 4, nil: undefined })
  const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), end, async (changes, cutAt) => {
    restore()
    const bytes = Uint8Array.from(good.subarray(0, cutAt))
    for (const [at, mask] of changes) if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ mask
    const changed = records.map((record) => (record.key === SESSION ? { ...record, value: bytes } : record))
    const spoilt = lasting(await storeOf(changed))
    const { client, wire } = await setUp({ store: spoilt }, world)
    const next = await wire.session(1)
    const message = client.sendText(PEER, 'after')
    const payload = payloadOf(await next.nthSent(Kind.MESSAGE))
    next.say({ type: 'accepted', id: message.id, messageId: 1n, at: 5, delivered: [] })
    if (!isReadable(peer, payload)) {
      // A key was damaged, which nobody can see who has not the other one.
      const request = await peer.phone.retry(ADDRESS, message.id, readHeader(payload).ratchetKey)
      next.say({ type: 'deliver', seq: 1, envelope: { ...envelopeOf(9, phone, request), kind: Kind.DEVICE_EVENT } })
      t.is(peer.phone.read(ADDRESS, payloadOf(await next.nthSent(Kind.DEVICE_EVENT))), 'resend')
    }
    await client.chats()
    t.deepEqual(
      (await recordsOf(spoilt)).find(({ key }) => key === OTHER_SESSION),
      untouched,
    )
    await client.close()
  })
  await fc.assert(property, { numRuns: 60 })
})

function isReadable(peer: Peer, payload: Uint8Array): boolean {
  try {
    return peer.phone.read(ADDRESS, payload) === 'after'
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}
