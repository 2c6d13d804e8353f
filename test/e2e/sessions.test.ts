import { randomUUID } from 'node:crypto'
import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { Kind } from '../../proto/frames.ts'
import { createToken } from '../../src/storage/token.ts'
import { connectFrame, Device, message } from '../helpers/device.ts'
import { call, register } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { countRows, createAccount, newUser } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const scope = new FileScope()
let server: TestServer

test.before(async () => {
  server = await startNode(scope, { config: { gateway: { connectTimeoutMs: 3_000 } } })
})
test.after.always(() => scope.end())

const account = async (): Promise<RawDevice> => (await createAccount(server.databaseUrl))[0]!
const connect = (who: RawDevice, options = {}) => Device.connect(server.url, who.token, options)

test('a newer session takes over: the older one hears REPLACED, and what it did not acknowledge moves on', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const older = await connect(bob, { number: 4 })
  await a.say(bob, 'one')
  await older.delivery('one')
  const newer = await connect(bob, { number: 5 })
  t.is(await older.closing(), CloseCode.REPLACED)
  await newer.caughtUp()
  t.deepEqual(newer.bodies, ['one'])
  await a.say(bob, 'two')
  await newer.delivery('two')
  t.deepEqual(newer.bodies, ['one', 'two'])
  t.deepEqual(older.bodies, ['one'])
})

test('a connection with a lower number is refused as replaced, learns the newest, and disturbs nothing', async (t) => {
  const bob = await account()
  const newest = await connect(bob, { number: 9 })
  const late = await Device.open(server.url)
  late.send(connectFrame(bob.token, { number: 8 }))
  const error = await late.waitFor('error')
  t.like(error, { code: 'REPLACED', temporary: false, id: '', details: { number: 9 } })
  t.is(await late.closing(), CloseCode.REPLACED)
  await newest.settled()
  t.is(newest.closed, undefined)
})

test('a connection with the same number takes over, as its retry would', async (t) => {
  const bob = await account()
  const first = await connect(bob, { number: 3 })
  const again = await connect(bob, { number: 3 })
  t.is(await first.closing(), CloseCode.REPLACED)
  await again.settled()
  t.is(again.closed, undefined)
})

test('connections without a number are counted by the server', async (t) => {
  const bob = await account()
  const first = await connect(bob)
  const second = await connect(bob)
  t.is(await first.closing(), CloseCode.REPLACED)
  const counted = await Device.open(server.url)
  counted.send(connectFrame(bob.token, { number: 1 }))
  t.is((await counted.waitFor('error')).details?.number, 2)
  await second.settled()
  t.is(second.closed, undefined)
})

test('an acknowledgement of what was never delivered closes with 4500 and deletes nothing', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  await a.say(bob, 'kept')
  const b = await connect(bob)
  await b.delivery('kept')
  b.ack(2)
  t.is(await b.closing(), CloseCode.PROTOCOL_ERROR)
  t.is(await countRows(server.databaseUrl, bob), 1)
  const next = await connect(bob)
  await next.caughtUp()
  t.deepEqual(next.bodies, ['kept'])
})

test('an acknowledgement at or below the last one is nothing', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const { id: one } = await a.say(bob, 'one')
  await a.say(bob, 'two')
  const b = await connect(bob)
  await b.delivery('two')
  b.ack(1)
  b.ack(1)
  b.ack(0)
  await a.receipt(Kind.DELIVERED, one)
  await waitUntil('one row is left', async () => (await countRows(server.databaseUrl, bob)) === 1)
  await b.settled()
  t.is(b.closed, undefined)
  t.deepEqual(
    a.all('deliver').flatMap(({ envelope }) => envelope.about),
    [one],
  )
})

test('the highest of several acknowledgements counts, in whatever order they come', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice, { acks: true })
  for (const body of ['one', 'two', 'three']) await a.say(bob, body)
  const b = await connect(bob)
  await b.delivery('three')
  b.ack(3)
  b.ack(1)
  b.send({ type: 'ack', upTo: 2 }, { type: 'ack', upTo: 0 })
  await waitUntil('every row is gone', async () => (await countRows(server.databaseUrl, bob)) === 0)
  t.is(b.closed, undefined)
})

test('frames sent together with connect are answered after connected, in order', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const b = await connect(bob)
  const a = await Device.open(server.url)
  const frames = [message(bob, 'early', { first: true }), message(bob, 'bird')]
  a.send(connectFrame(alice.token), ...frames)
  a.send({ type: 'ping' })
  await a.accepted(frames[1]!.id)
  await a.waitFor('pong')
  t.is(a.frames[0]?.type, 'connected')
  await b.delivery('bird')
  t.deepEqual(b.bodies, ['early', 'bird'])
})

test('a second connect in a session is a protocol error', async (t) => {
  const bob = await account()
  const b = await connect(bob)
  b.send(connectFrame(bob.token))
  t.is(await b.closing(), CloseCode.PROTOCOL_ERROR)
})

test('whatever comes before connect is a protocol error', async (t) => {
  for (const frame of [message({ user: 1 }, 'x'), { type: 'ack', upTo: 1 } as const, { type: 'ping' } as const]) {
    const device = await Device.open(server.url)
    device.send(frame)
    t.is(await device.closing(), CloseCode.PROTOCOL_ERROR, frame.type)
  }
})

test('a connection that never says connect is closed with a code to come back on', async (t) => {
  const silent = await Device.open(server.url)
  t.is(await silent.closing(), CloseCode.OVERLOADED)
})

test('an empty batch is nothing: connect is still awaited, and still missed in the end', async (t) => {
  const bob = await account()
  const empty = await Device.open(server.url)
  empty.send()
  const late = await Device.open(server.url, { json: true })
  late.sendRaw('{"frames":[]}')
  late.sendRaw('{}')
  late.send(connectFrame(bob.token))
  await late.connected()
  late.send()
  await late.settled()
  t.is(late.closed, undefined)
  t.is(await empty.closing(), CloseCode.OVERLOADED)
})

test('wrong, foreign and hosted tokens are refused with 4502, without a word that helps to guess', async (t) => {
  const bob = await account()
  const [hosted] = await createAccount(server.databaseUrl, { hosted: true })
  const flipped = bob.token.slice(0, -1) + (bob.token.endsWith('A') ? 'B' : 'A')
  const [stranger] = await createAccount(server.databaseUrl)
  const foreign = createToken(stranger!.address)
  for (const token of ['', 'nonsense', flipped, foreign, hosted!.token, 'x'.repeat(100_000)]) {
    const device = await Device.open(server.url)
    device.send(connectFrame(token))
    t.is(await device.closing(), CloseCode.UNAUTHENTICATED, token.slice(0, 50))
    t.deepEqual(device.frames, [])
  }
})

test('a client may break the connection off while it is being authenticated', async (t) => {
  const bob = await account()
  for (let i = 0; i < 10; i++) {
    const hasty = await Device.open(server.url)
    hasty.send(connectFrame(bob.token))
    hasty.close()
    await hasty.closing()
  }
  const b = await connect(bob)
  await b.caughtUp()
  t.is(b.closed, undefined)
})

test('registering again ends the session of the old device with 4504 and voids its token', async (t) => {
  const phone = `+${newUser()}`
  const old = await register(server, phone, { device: { name: 'Old', platform: 'Test' } })
  const session = await Device.connect(server.url, old.token)
  const fresh = await register(server, phone, { device: { name: 'New', platform: 'Test' } })
  t.is(await session.closing(), CloseCode.DEVICE_REMOVED)
  const again = await Device.open(server.url)
  again.send(connectFrame(old.token))
  t.is(await again.closing(), CloseCode.UNAUTHENTICATED)
  const b = await Device.connect(server.url, fresh.token)
  await b.caughtUp()
  t.is(b.closed, undefined)
})

test('deleting the account ends its session with 4504, and its mailbox goes back to the senders', async (t) => {
  const alice = await account()
  const a = await connect(alice)
  const doomed = await register(server, `+${newUser()}`, { device: { name: 'Phone', platform: 'Test' } })
  const user = { user: Number(doomed.user) }
  const { id } = await a.say(user, 'never seen')
  const session = await Device.connect(server.url, doomed.token)
  await session.delivery('never seen')
  const { status } = await call(`${server.url}/v1/me`, { method: 'DELETE', token: doomed.token })
  t.true(status >= 200 && status < 300, String(status))
  t.is(await session.closing(), CloseCode.DEVICE_REMOVED)
  const { envelope } = await a.receipt(Kind.EXPIRED, id)
  t.deepEqual(envelope.from, { ...user, device: 1 })
  const gone = message(user, 'too late', { id: randomUUID(), first: true })
  a.send(gone)
  t.is((await a.refused(gone.id)).code, 'UNKNOWN_USER')
})
