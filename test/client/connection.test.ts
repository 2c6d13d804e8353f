import test from 'ava'
import { Client } from '../../client/client.ts'
import type { ConnectionState } from '../../client/connection.ts'
import { memoryStore } from '../../client/memory-store.ts'
import { decodeRecord } from '../../client/records.ts'
import type { DeviceRecord } from '../../client/records.ts'
import type { Store } from '../../client/store.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { KeyStation } from './helpers/key-station.ts'
import { ManualClock } from './helpers/manual-clock.ts'
import { Peer } from './helpers/peer.ts'
import { envelopeOf, uuid } from './helpers/scripted.ts'
import { Wire } from './helpers/wire.ts'

const ME = 15550000001
const PEER = 15550000002
const TOKEN = `${ME}.1.secret`

interface Setup {
  readonly client: Client
  readonly clock: ManualClock
  readonly wire: Wire
  readonly station: KeyStation
  readonly states: ConnectionState[]
}

async function setUp(store: Store = memoryStore(), random = 0): Promise<Setup> {
  const clock = new ManualClock()
  const wire = new Wire()
  const station = new KeyStation()
  const keyServer = station.as({ user: ME, device: 1 })
  const parts = { store, transport: wire, clock, keyServer, random: () => random }
  const client = await Client.open({ url: 'http://localhost:3000', token: TOKEN, ...parts })
  const states: ConnectionState[] = []
  client.on('connection', (state) => states.push(state))
  return { client, clock, wire, station, states }
}

test('every connection is counted in the store before it is made', async (t) => {
  const store = memoryStore()
  const { client, clock, wire } = await setUp(store)
  for (const number of [1, 2, 3]) {
    await waitUntil(`connection ${number} was made`, () => wire.ends.length === number)
    const record = await store.transaction((transaction) => transaction.get('device'))
    t.is(decodeRecord<DeviceRecord>(record)?.json.connection, number)
    const session = await wire.session(number)
    t.like(await session.nth('connect'), { number, token: TOKEN })
    session.end(1006)
    clock.advance(30_000)
  }
  await client.close()
})

test('a lost connection is made again after the back-off, and the state says when', async (t) => {
  const { client, clock, wire, states } = await setUp(memoryStore(), 0.5)
  await wire.session(1)
  wire.ends[0]?.end(1006)
  t.deepEqual(states.at(-1), { phase: 'offline', retryAt: clock.monotonic() + 250, code: 1006, reason: '' })
  clock.advance(249)
  t.is(client.connection.phase, 'offline')
  clock.advance(1)
  t.is(client.connection.phase, 'connecting')
  await wire.session(2)
  t.is(client.connection.phase, 'online')
  await client.close()
  t.is(client.connection.phase, 'closed')
})

test('connect makes a connection now instead of after the back-off', async (t) => {
  const { client, wire } = await setUp(memoryStore(), 1)
  await wire.session(1)
  wire.ends[0]?.end(1006)
  t.is(client.connection.phase, 'offline')
  client.connect()
  await wire.session(2)
  t.is(client.connection.phase, 'online')
  await client.close()
})

test('a terminal close code as the answer to connect stops the client, and says why and what helps', async (t) => {
  const { client, clock, wire } = await setUp()
  await waitUntil('a connection was made', () => wire.ends.length === 1)
  const session = wire.ends[0]!
  session.open()
  const refusal = { id: '', temporary: false, retryAfterMs: 0 }
  session.say({ type: 'error', ...refusal, code: 'UNAUTHENTICATED', message: 'The token was revoked' })
  session.end(CloseCode.UNAUTHENTICATED)
  const reason = 'The token was revoked'
  const stop = { cause: 'unauthenticated', remedy: 'register', code: CloseCode.UNAUTHENTICATED, reason }
  t.deepEqual(client.connection, { phase: 'stopped', ...stop } as ConnectionState)
  clock.advance(3_600_000)
  t.is(wire.ends.length, 1)
  await client.close()
})

test('a terminal close code before connect went out is a lost connection: nobody has seen the token', async (t) => {
  const { client, clock, wire } = await setUp()
  for (let attempt = 1; attempt <= 3; attempt++) {
    await waitUntil(`connection ${attempt} was made`, () => wire.ends.length === attempt)
    wire.ends[attempt - 1]!.end(CloseCode.UNAUTHENTICATED)
    t.is(client.connection.phase, 'offline')
    clock.advance(30_000)
  }
  await wire.session(4)
  t.is(client.connection.phase, 'online')
  await client.close()
})

test('a fault in a session costs the session, and the client comes back, more slowly each time', async (t) => {
  const { client, clock, wire } = await setUp()
  for (const [attempt, afterMs] of [5_000, 10_000, 20_000].entries()) {
    const session = await wire.session(attempt + 1)
    clock.advance(15_000)
    session.end(attempt === 1 ? CloseCode.TOO_LARGE : CloseCode.PROTOCOL_ERROR)
    t.like(client.connection, { phase: 'offline', retryAt: clock.monotonic() + afterMs })
    clock.advance(afterMs)
  }
  await client.close()
})

test('a stopped client starts again when its app asks for it', async (t) => {
  const { client, wire, states } = await setUp()
  await wire.session(1)
  client.disconnect()
  t.like(states.at(-1), { phase: 'stopped', cause: 'disconnected', remedy: 'connect' })
  client.connect()
  const session = await wire.session(2)
  session.end(CloseCode.DEVICE_REMOVED)
  t.like(states.at(-1), { phase: 'stopped', cause: 'removed', remedy: 'register' })
  client.connect()
  await waitUntil('a third connection was made', () => wire.ends.length === 3)
  wire.ends[2]!.open()
  wire.ends[2]!.end(4_777)
  t.like(states.at(-1), { phase: 'stopped', cause: 'refused', remedy: 'update', code: 4_777 })
  client.connect()
  await wire.session(4)
  t.is(client.connection.phase, 'online')
  await client.close()
})

test('a replaced device that is told to connect again counts above the newest connection', async (t) => {
  const { client, wire } = await setUp()
  const session = await wire.session(1)
  const details = { number: 41 }
  session.say({ type: 'error', id: '', code: 'REPLACED', message: '', temporary: false, retryAfterMs: 0, details })
  session.end(CloseCode.REPLACED)
  t.is(client.connection.phase, 'stopped')
  client.connect()
  const next = await wire.session(2)
  t.is((await next.nth('connect')).number, 42)
  await client.close()
})

test('a device whose count is far beyond the server goes on from what the server has', async (t) => {
  const { client, wire } = await setUp()
  const session = await wire.session(1)
  t.is((await session.nth('connect')).number, 1)
  const details = { number: 0 }
  session.say({ type: 'error', id: '', code: 'REPLACED', message: '', temporary: false, retryAfterMs: 0, details })
  session.end(CloseCode.REPLACED)
  for (const expected of [1, 2]) {
    client.connect()
    const next = await wire.session(expected + 1)
    t.is((await next.nth('connect')).number, expected)
    next.end(CloseCode.REPLACED)
    await waitUntil('it has stopped', () => client.connection.phase === 'stopped')
  }
  await client.close()
})

test('a silent server is asked once and then given up', async (t) => {
  const { client, clock, wire } = await setUp()
  const session = await wire.session(1)
  clock.advance(29_000)
  t.is(session.all('ping').length, 0)
  clock.advance(3_000)
  await session.nth('ping')
  session.say({ type: 'pong' })
  clock.advance(35_000)
  await session.nth('ping', 2)
  t.is(client.connection.phase, 'online')
  clock.advance(15_000)
  t.true(session.closed)
  t.is(session.all('ping').length, 2)
  await client.close()
})

test('a send that stays without an answer gives the connection up', async (t) => {
  const { client, clock, wire, station } = await setUp()
  await Peer.create(station, PEER)
  const session = await wire.session(1)
  client.sendText(PEER, 'Hello')
  await session.nth('send')
  for (const pings of [1, 2]) {
    clock.advance(35_000)
    t.false(session.closed)
    await session.nth('ping', pings)
    session.say({ type: 'pong' })
  }
  clock.advance(5_000)
  t.true(session.closed, 'a ping that went out 60 s after it was answered')
  await client.close()
})

test('an answer may be as late as a slow line makes it: what comes in meanwhile, or waits to go out, is life', async (t) => {
  const { client, clock, wire, station } = await setUp()
  const peer = await Peer.create(station, PEER)
  const session = await wire.session(1)
  const { id } = client.sendText(PEER, 'x'.repeat(50_000))
  await session.nth('send')
  clock.advance(40_000)
  t.false(session.closed, 'the ping waits behind 50 KB')
  for (let seq = 1; seq <= 20; seq++) {
    clock.advance(25_000)
    // What was before it in the pipe; its own answer, and that of the ping, come after that.
    const payload = peer.device(1).text({ user: ME, device: 1 }, uuid(seq), 'old')
    session.say({ type: 'deliver', seq, envelope: envelopeOf(seq, { user: PEER, device: 1 }, payload) })
    await waitUntil('it was acknowledged', () => session.all('ack').some(({ upTo }) => upTo === seq))
  }
  t.false(session.closed)
  t.is(session.all('ping').length, 1)
  t.is(session.all('send').filter((send) => send.id === id).length, 1)
  await client.close()
})

test('who was slow to connect is given more time to be heard', async (t) => {
  const { client, clock, wire } = await setUp()
  await waitUntil('a connection was made', () => wire.ends.length === 1)
  clock.advance(4_000)
  const session = await wire.session(1)
  clock.advance(115_000)
  t.false(session.closed)
  clock.advance(10_000)
  t.true(session.closed)
  await client.close()
})

test('what is to be done before a connection takes none of its time', async (t) => {
  const clock = new ManualClock()
  const wire = new Wire()
  const keyServer = new KeyStation().as({ user: ME, device: 1 })
  let publish = (): void => {}
  const slow = new Promise<void>((resolve) => (publish = resolve))
  const parts = { store: memoryStore(), transport: wire, clock, random: () => 0 }
  const client = await Client.open({
    url: 'http://localhost:3000',
    token: TOKEN,
    ...parts,
    keyServer: { ...keyServer, put: (keys) => slow.then(() => keyServer.put(keys)) },
  })
  await waitUntil('it connects', () => client.connection.phase === 'connecting')
  clock.advance(25_000)
  publish()
  await wire.session(1)
  t.is(client.connection.phase, 'online')
  t.is(wire.ends.length, 1)
  await client.close()
})

test('a connection that does not become a session in time is given up', async (t) => {
  const { client, clock, wire } = await setUp()
  await waitUntil('a connection was made', () => wire.ends.length === 1)
  clock.advance(15_000)
  t.true(wire.ends[0]?.closed)
  await wire.session(2)
  t.is(client.connection.phase, 'online')
  await client.close()
})

test('a draining node is left at the time that it names', async (t) => {
  const { client, clock, wire } = await setUp()
  const session = await wire.session(1)
  session.say({ type: 'goaway', reconnectAfterMs: 4_000 })
  clock.advance(3_999)
  t.is(client.connection.phase, 'online')
  clock.advance(1)
  t.true(session.closed)
  await wire.session(2)
  t.is(client.connection.phase, 'online')
  await client.close()
})

test('the time that a refusal names is waited', async (t) => {
  const { client, clock, wire } = await setUp()
  const session = await wire.session(1)
  session.say({ type: 'error', id: '', code: 'OVERLOADED', message: 'Full', temporary: true, retryAfterMs: 9_000 })
  session.end(CloseCode.OVERLOADED)
  t.like(client.connection, { phase: 'offline', retryAt: clock.monotonic() + 9_000, reason: 'Full' })
  await client.close()
})

test('bytes that are no frames end the connection, not the client', async (t) => {
  const { client, wire } = await setUp()
  const session = await wire.session(1)
  session.sayBytes(Uint8Array.of(10, 200, 1, 2))
  t.true(session.closed)
  t.is(client.connection.phase, 'offline')
  await client.close()
})

test('a store of one user is never connected as another', async (t) => {
  const store = memoryStore()
  const { client, clock, wire } = await setUp(store)
  await wire.session(1)
  wire.ends[0]?.end(1006)
  clock.advance(1_000)
  const other = await wire.session(2, 15550000009)
  t.true(other.closed)
  t.like(client.connection, { phase: 'stopped', cause: 'otherUser', reason: 'The store belongs to another user' })
  await client.close()
})

test('a device without a token is told so', async (t) => {
  const open = Client.open({ url: 'http://localhost:3000', store: memoryStore(), transport: new Wire() })
  await t.throwsAsync(open, { code: 'NO_TOKEN' })
})
