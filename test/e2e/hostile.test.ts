import { randomUUID } from 'node:crypto'
import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { decodeServerFrames, encodeClientFrames } from '../../proto/codec.ts'
import { MAX_FRAMES } from '../../proto/limits.ts'
import { Kind } from '../../proto/frames.ts'
import type { ClientFrame } from '../../proto/frames.ts'
import { connectFrame, Device, message, receipt, text } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount, withClient } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { UNKNOWN_FRAMES } from '../helpers/unknown-frames.ts'
import { Opcode, RawSocket } from '../helpers/raw-socket.ts'
import { UNLIMITED } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const MiB = 1024 * 1024
const scope = new FileScope()
let server: TestServer
/** Where a device has 100 frames, hardly more with time, and may open five sessions. */
let strict: TestServer
/** Somebody who only wants to talk, and must never notice what the others do. */
let neighbour: Device
let neighbourAccount: RawDevice

test.before(async () => {
  server = await startNode(scope)
  const limits = { frames: { burst: 100, perSecond: 0.001 }, connect: { burst: 5, perSecond: 0.001 } }
  strict = await startNode(scope, {
    env: { LIMITS: JSON.stringify({ ...(JSON.parse(UNLIMITED) as object), ...limits }) },
  })
  neighbourAccount = await account()
  neighbour = await Device.connect(server.url, neighbourAccount.token)
})
test.after.always(() => scope.end())

const account = async (): Promise<RawDevice> => (await createAccount(server.databaseUrl))[0]!
const connect = (who: RawDevice, options = {}) => Device.connect(server.url, who.token, options)

test('an unknown frame gets an error and the session stays, in both encodings', async (t) => {
  const a = await connect(await account())
  // Field 99 of a frame, empty.
  a.sendRaw(new Uint8Array([10, 3, 0x9a, 0x06, 0]))
  const error = await a.waitFor('error')
  t.like(error, { code: 'BAD_REQUEST', id: '' })
  await a.settled()
  const json = await connect(await account(), { json: true })
  json.sendRaw('{"frames":[{"teleport":{"to":"mars"}},{"ping":{"why":1}}]}')
  t.regex((await json.waitFor('error')).message, /teleport/)
  await json.waitFor('pong')
  t.deepEqual([a.closed, json.closed], [undefined, undefined])
})

test('a message over 1 MiB is closed with 4501, and a session before it has lost nothing', async (t) => {
  const bob = await account()
  const a = await connect(await account())
  const frame = message(bob, 'safe')
  a.send(frame)
  await a.accepted(frame.id)
  a.sendRaw(new Uint8Array(MiB + 1))
  t.is(await a.closing(), CloseCode.TOO_LARGE)
  const b = await connect(bob)
  await b.delivery('safe')
})

test('as many tiny frames as a message may have are all answered, and one more is a protocol error', async (t) => {
  const a = await connect(await account())
  const pings = Array.from({ length: MAX_FRAMES }, () => ({ type: 'ping' }) as const)
  a.send(...pings)
  await waitUntil('all are answered', () => a.all('pong').length === pings.length)
  a.send(...pings, { type: 'ping' })
  t.is(await a.closing(), CloseCode.PROTOCOL_ERROR)
})

test('1 MiB of empty frames costs its sender the session and nobody else anything', async (t) => {
  const a = await connect(await account())
  a.sendRaw(new Uint8Array(MiB).map((_, i) => (i % 2 === 0 ? 10 : 0)))
  t.is(await a.closing(), CloseCode.PROTOCOL_ERROR)
  await neighbour.settled()
  t.is(neighbour.closed, undefined)
})

test('every one of 4,000 sends in one message is answered, taken or refused for now', async (t) => {
  const bob = await account()
  const a = await connect(await account())
  const sends = Array.from({ length: 4_000 }, () => message(bob, 'x'))
  a.send(...sends)
  await waitUntil('all are answered', () => a.all('accepted').length + a.all('error').length === sends.length)
  const answered = new Set([...a.all('accepted'), ...a.all('error')].map(({ id }) => id))
  t.is(answered.size, sends.length)
  t.true(a.all('error').every(({ temporary }) => temporary))
  t.true(a.all('accepted').length >= 1_024)
  // Nothing was taken behind something that was refused.
  const taken = new Set(a.all('accepted').map(({ id }) => id))
  const firstRefused = sends.findIndex(({ id }) => !taken.has(id))
  t.true(sends.slice(firstRefused).every(({ id }) => !taken.has(id)))
})

test('a flood before connected is cut off: of frames', async (t) => {
  const a = await Device.open(server.url)
  const pings = Array.from({ length: 257 }, () => ({ type: 'ping' }) as const)
  a.send(connectFrame((await account()).token), ...pings)
  t.is(await a.closing(), CloseCode.OVERLOADED)
})

test('a flood before connected is cut off: of bytes', async (t) => {
  const slow = await startNode(t)
  const [alice] = await createAccount(slow.databaseUrl)
  const [bob] = await createAccount(slow.databaseUrl)
  await withClient(slow.databaseUrl, async (client) => {
    // Until it is released, nobody is authenticated.
    await client.query('BEGIN')
    await client.query('LOCK TABLE devices IN ACCESS EXCLUSIVE MODE')
    const [modest, flooding] = [await Device.open(slow.url), await Device.open(slow.url)]
    modest.send(connectFrame(alice!.token), { type: 'ping' })
    flooding.send(connectFrame(bob!.token))
    flooding.send(message(alice!, new Uint8Array(65_536)))
    flooding.send(message(alice!, new Uint8Array(65_536)))
    t.is(await flooding.closing(), CloseCode.OVERLOADED)
    await client.query('ROLLBACK')
    await modest.waitFor('pong')
    t.is(modest.frames[0]?.type, 'connected')
  })
})

test('who reads slowly misses signals, and is not closed because of them', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const slow = await RawSocket.open(server.url, 'parley.v1.proto')
  slow.send(Opcode.binary, encodeClientFrames([connectFrame(bob.token)]))
  await slow.first(Opcode.binary)
  slow.pause()
  const signal = { type: 'signal', to: { user: bob.user, device: 1 }, payload: new Uint8Array(65_536) } as const
  // More than the system and the node would hold for it.
  for (let i = 0; i < 30; i++) {
    a.send(...Array.from({ length: 15 }, () => signal))
    await a.settled()
  }
  await a.say(bob, 'but this')
  t.false(slow.ended)
  slow.resume()
  const heard = () =>
    slow.messages.filter(({ opcode }) => opcode === Opcode.binary).flatMap(({ payload }) => decodeServerFrames(payload))
  await waitUntil('the message comes', () => heard().some(({ type }) => type === 'deliver'))
  t.true(heard().filter(({ type }) => type === 'signal').length < 450)
  slow.destroy()
})

/** Frames that a client may repeat without breaking a rule, by what they are. */
const floods: Record<string, () => ClientFrame[]> = {
  pings: () => [{ type: 'ping' }],
  'unwatches of users who are not watched': () => [{ type: 'unwatch', users: [15_000_000_001, 15_000_000_002] }],
  'watches and unwatches in turn': () => [
    { type: 'watch', users: [neighbourAccount.user] },
    { type: 'unwatch', users: [neighbourAccount.user] },
  ],
  'watches of nobody': () => [{ type: 'watch', users: [] }],
  'acknowledgements of nothing': () => [{ type: 'ack', upTo: 0 }],
  'signals to nobody': () => [{ type: 'signal', to: { user: 15_000_000_001, device: 1 }, payload: text('x') }],
  'sends to nobody': () => [message({ user: 15_999_999_999 }, 'x')],
  'sends that are refused': () => [message(neighbourAccount, 'x', { id: 'no UUID' })],
  'receipts that are refused': () => [receipt(neighbourAccount, Kind.READ, ['no UUID'])],
}

for (const [what, frames] of Object.entries(floods)) {
  test(`a flood of ${what} ends with 4004, there is no new session until that is paid off, and nobody else notices`, async (t) => {
    const flooder = (await createAccount(strict.databaseUrl))[0]!
    const flooding = await Device.connect(strict.url, flooder.token)
    await waitUntil('the node has enough', () => {
      // In one WebSocket message: what a closed socket still gets may cost its client the close frame (RFC 6455, 7.1.1).
      if (flooding.closed === undefined) flooding.send(...Array.from({ length: 20 }, frames).flat())
      return flooding.closed !== undefined
    })
    t.is(flooding.closed?.code, CloseCode.OVERLOADED)
    t.true(flooding.all('error').every(({ code }) => code !== 'INTERNAL'))
    const again = await Device.open(strict.url)
    again.send(connectFrame(flooder.token))
    const refusal = await again.waitFor('error')
    t.like(refusal, { code: 'RATE_LIMITED', temporary: true })
    t.true(refusal.retryAfterMs > 0)
    t.is(await again.closing(), CloseCode.OVERLOADED)
    const quiet = await Device.connect(strict.url, (await createAccount(strict.databaseUrl))[0]!.token)
    await quiet.settled()
  })
}

test('who hurries has sends refused for now, and is told when to go on', async (t) => {
  const [alice] = await createAccount(strict.databaseUrl)
  const [bob] = await createAccount(strict.databaseUrl)
  const a = await Device.connect(strict.url, alice!.token)
  const ping = { type: 'ping' } as const
  const [last, first] = [message(bob!, 'x'), message(bob!, 'y', { first: true })]
  a.send(...Array.from({ length: 99 }, () => ping), last)
  await a.accepted(last.id)
  a.send(first)
  const error = await a.refused(first.id)
  t.like(error, { code: 'RATE_LIMITED', temporary: true })
  // One frame too many, at one in 1,000 s.
  t.true(error.retryAfterMs > 0 && error.retryAfterMs <= 1_000_000)
  t.is(a.closed, undefined)
})

test('pings of the WebSocket, unasked pongs and messages without frames count as frames', async (t) => {
  for (const [opcode, data] of [
    [Opcode.ping, ''],
    [Opcode.pong, ''],
    [Opcode.binary, ''],
  ] as const) {
    const socket = await RawSocket.open(strict.url, 'parley.v1.proto')
    const [who] = await createAccount(strict.databaseUrl)
    socket.send(Opcode.binary, encodeClientFrames([connectFrame(who!.token)]))
    await socket.first(Opcode.binary)
    for (let i = 0; i < 205; i++) socket.send(opcode, data)
    t.is(await socket.closeCode(), CloseCode.OVERLOADED)
    socket.destroy()
  }
})

test('who is not known yet may not make the node read much', async (t) => {
  const stranger = await Device.open(server.url, { json: true })
  stranger.sendRaw(`{"frames":[],"x":"${'x'.repeat(128 * 1_024)}"}`)
  t.is(await stranger.closing(), CloseCode.OVERLOADED)
  const pinging = await RawSocket.open(server.url, 'parley.v1.proto')
  for (let i = 0; i < 257; i++) pinging.send(Opcode.ping, '')
  t.is(await pinging.closeCode(), CloseCode.OVERLOADED)
  pinging.destroy()
})

test('a device that connects again and again is told to wait', async (t) => {
  const [who] = await createAccount(strict.databaseUrl)
  for (let i = 0; i < 5; i++) await Device.connect(strict.url, who!.token)
  const next = await Device.open(strict.url)
  next.send(connectFrame(who!.token))
  t.like(await next.waitFor('error'), { code: 'RATE_LIMITED', temporary: true })
  t.is(await next.closing(), CloseCode.OVERLOADED)
})

test('a client that never reads is closed as a slow consumer, and its next session gets everything', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const deaf = await RawSocket.open(server.url, 'parley.v1.proto')
  deaf.send(Opcode.binary, encodeClientFrames([connectFrame(bob.token)]))
  await deaf.first(Opcode.binary)
  deaf.pause()
  a.send({ type: 'watch', users: [bob.user] })
  await a.say(bob, 'one')
  await a.say(bob, 'two')
  await waitUntil('the node has had enough', () => {
    if (!deaf.ended) deaf.send(Opcode.binary, UNKNOWN_FRAMES)
    return a.all('presence').at(-1)?.online === false
  })
  // Whether the client still hears the code depends on how soon it reads again: the node's count is certain.
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  t.regex(metrics, new RegExp(`parley_closes_total\\{code="${CloseCode.SLOW_CONSUMER}"\\} 1`))
  deaf.destroy()
  const b = await connect(bob)
  await b.caughtUp()
  t.deepEqual(b.bodies, ['one', 'two'])
})

test('garbage of every kind never reaches another user', async (t) => {
  const tokens = await Promise.all(Array.from({ length: 8 }, async () => (await account()).token))
  const garbage = [
    new Uint8Array(0),
    new Uint8Array([0]),
    new Uint8Array(5_000).fill(0xff),
    text('{"frames":[{"send":{"to":{"user":"1"}}}]}'),
    encodeClientFrames([message(neighbourAccount, 'x', { id: '\0'.repeat(36) })]).slice(),
    encodeClientFrames([message(neighbourAccount, 'x', { id: `${randomUUID()}` })]).slice(0, -2),
    encodeClientFrames([{ type: 'ack', upTo: Number.MAX_SAFE_INTEGER }]).slice(),
    new Uint8Array([10, 2, 8, 1]),
  ]
  const devices = await Promise.all(tokens.map((token) => Device.connect(server.url, token)))
  for (const [i, device] of devices.entries()) device.sendRaw(garbage[i]!)
  await Promise.all(devices.map((device) => device.settled().catch(() => undefined)))
  const before = neighbour.all('deliver').length
  const friend = await connect(await account())
  await friend.say(neighbourAccount, 'hello')
  await neighbour.delivery('hello')
  t.is(neighbour.all('deliver').length, before + 1)
  t.is(neighbour.closed, undefined)
})

test('a node that drains says goaway, closes with 4001, takes no upgrade, and loses nothing', async (t) => {
  const draining = await startNode(t, { config: { gateway: { goawayBatch: 2, goawayIntervalMs: 20 } } })
  const devices = (await Promise.all([1, 2, 3, 4].map(() => createAccount(draining.databaseUrl)))).map(([one]) => one!)
  const sessions = await Promise.all(devices.map(({ token }) => Device.connect(draining.url, token)))
  const absent = (await createAccount(draining.databaseUrl))[0]!
  const frames = sessions.map((_, i) => message(absent, String(i)))
  for (const [i, session] of sessions.entries()) session.send(frames[i]!)
  await sessions[3]!.accepted(frames[3]!.id)
  const drained = draining.node.drain()
  const refused = await RawSocket.open(draining.url, 'parley.v1.proto').catch(() => undefined)
  t.true(refused === undefined || refused.status === 503)
  refused?.destroy()
  await drained
  for (const session of sessions) {
    t.is(await session.closing(), CloseCode.DRAINING)
    t.true(session.all('goaway')[0]!.reconnectAfterMs > 0)
  }
  await draining.node.destroy()
  const next = await startNode(t, { databaseUrl: draining.databaseUrl })
  const b = await Device.connect(next.url, absent.token)
  await b.caughtUp()
  const taken = sessions.flatMap((session) => session.all('accepted')).map(({ id }) => id)
  const got = new Set(b.all('deliver').map(({ envelope }) => envelope.id))
  t.true(taken.every((id) => got.has(id)))
  t.true(taken.length > 0)
})
