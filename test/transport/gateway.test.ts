import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { decodeServerFrames, encodeClientFrames } from '../../proto/codec.ts'
import { Device, text } from '../helpers/device.ts'
import { startGateway } from '../helpers/raw-gateway.ts'
import { Opcode, RawSocket } from '../helpers/raw-socket.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const PROTO = 'parley.v1.proto'
const JSON_PROTOCOL = 'parley.v1.json'
const quiet = {
  socketOpened: () => undefined,
  socketClosed: () => undefined,
  socketFault: () => undefined,
  undecodable: () => undefined,
  rateLimited: () => undefined,
}
const ping = () => encodeClientFrames([{ type: 'ping' }]).slice()

test('an upgrade that offers no known subprotocol is answered 400 and says what to offer', async (t) => {
  const { url, heard } = await startGateway(t)
  for (const protocol of [undefined, 'chat', 'parley.v2.proto, graphql-ws', 'PARLEY.V1.PROTO']) {
    const refused = await RawSocket.open(url, protocol)
    t.is(refused.status, 400, protocol)
    t.regex(refused.head, /content-type: application\/problem\+json/i)
    await waitUntil('the body is there', () => refused.body.endsWith('}'))
    t.like(JSON.parse(refused.body), { status: 400, code: 'BAD_REQUEST' })
    t.regex(refused.body, /parley\.v1\.proto or parley\.v1\.json/)
    refused.destroy()
  }
  t.is(heard.length, 0)
})

test('an upgrade of another version of WebSocket is told which one there is', async (t) => {
  const { url } = await startGateway(t)
  for (const version of ['8', '', '14', '13, 8']) {
    const refused = await RawSocket.open(url, 'parley.v1.proto', version)
    t.is(refused.status, 426, version)
    t.regex(refused.head, /\r\nsec-websocket-version: 13\r\n/i)
    refused.destroy()
  }
})

test('subprotocols may be offered in several headers', async (t) => {
  const { url } = await startGateway(t)
  const socket = await RawSocket.open(url, ['unknown', 'other, parley.v1.json'])
  t.is(socket.status, 101)
  t.regex(socket.head, /\r\nsec-websocket-protocol: parley\.v1\.json\r\n/i)
  socket.destroy()
})

test('the first known subprotocol of the offer is chosen', async (t) => {
  const { url } = await startGateway(t)
  const socket = await RawSocket.open(url, `graphql-ws,  ${JSON_PROTOCOL} , ${PROTO}`)
  t.is(socket.status, 101)
  t.regex(socket.head, /sec-websocket-protocol: parley\.v1\.json\r\n/i)
  socket.destroy()
})

test('a handler hears the frames of a message, and sends back in one message a tick', async (t) => {
  const server = await startGateway(t)
  server.onFrames = (connection) => {
    connection.send({ type: 'pong' })
    connection.send({ type: 'caughtUp' })
    connection.send({ type: 'goaway', reconnectAfterMs: 5 })
  }
  const socket = await RawSocket.open(server.url, PROTO)
  socket.send(Opcode.binary, encodeClientFrames([{ type: 'ping' }, { type: 'ack', upTo: 3 }]))
  const answer = decodeServerFrames(await socket.first(Opcode.binary))
  t.deepEqual(server.heard[0]!.frames, [{ type: 'ping' }, { type: 'ack', upTo: 3 }])
  t.deepEqual(
    answer.map(({ type }) => type),
    ['pong', 'caughtUp', 'goaway'],
  )
  socket.destroy()
  await waitUntil('the handler knows that it is gone', () => server.heard[0]!.gone === 1)
  t.is(server.gateway.size, 0)
})

test('text in a binary session and binary in a text session are protocol errors', async (t) => {
  const { url, heard } = await startGateway(t)
  const binary = await Device.open(url)
  binary.sendRaw('{"frames":[{"ping":{}}]}')
  t.is(await binary.closing(), CloseCode.PROTOCOL_ERROR)
  const json = await Device.open(url, { json: true })
  json.sendRaw(ping())
  t.is(await json.closing(), CloseCode.PROTOCOL_ERROR)
  t.deepEqual(
    heard.map(({ frames }) => frames),
    [[], []],
  )
})

test('what cannot be decoded closes with 4500, and the others go on', async (t) => {
  const { url, faults } = await startGateway(t)
  const other = await Device.open(url)
  for (const bytes of [new Uint8Array([255]), new Uint8Array([10, 5, 1]), new Uint8Array(1_000).fill(0x80)]) {
    const device = await Device.open(url)
    device.sendRaw(bytes)
    t.is(await device.closing(), CloseCode.PROTOCOL_ERROR)
    t.is(device.closed?.reason, 'protocol error')
  }
  for (const json of [
    '',
    'null',
    '{',
    '[]',
    '{"frames":1}',
    '{"frames":[{"ack":{"upTo":"x"}}]}',
    '{"frames":[null]}',
  ]) {
    const device = await Device.open(url, { json: true })
    device.sendRaw(json)
    t.is(await device.closing(), CloseCode.PROTOCOL_ERROR, json)
  }
  t.is(other.closed, undefined)
  t.deepEqual(faults, [])
})

test('a message over the limit is closed by the node itself with 4501, one of exactly the limit is read', async (t) => {
  const server = await startGateway(t, { maxMessageBytes: 100_000 })
  const over = await Device.open(server.url, { json: true })
  over.sendRaw('{"frames":[]}'.padEnd(100_001))
  t.is(await over.closing(), CloseCode.TOO_LARGE)
  const exact = await Device.open(server.url, { json: true })
  exact.sendRaw('{"frames":[{"ping":{}}]}'.padEnd(100_000))
  await waitUntil('it is read', () => server.heard.some(({ frames }) => frames.length === 1))
  t.is(exact.closed, undefined)
})

test('a handler that throws costs its own connection, with 4000', async (t) => {
  const server = await startGateway(t)
  server.onFrames = () => {
    throw new Error('a defect')
  }
  const device = await Device.open(server.url)
  const other = await Device.open(server.url)
  device.sendRaw(ping())
  t.is(await device.closing(), CloseCode.SERVER_ERROR)
  t.is((server.faults[0] as Error).message, 'a defect')
  server.onFrames = (connection) => connection.send({ type: 'pong' })
  other.sendRaw(ping())
  await other.waitFor('pong')
  t.is(other.closed, undefined)
})

test('a frame that cannot be encoded costs its own connection, with 4000', async (t) => {
  const server = await startGateway(t)
  server.onFrames = (connection) => connection.send({ type: 'goaway', reconnectAfterMs: -1 })
  const device = await Device.open(server.url)
  device.sendRaw(ping())
  t.is(await device.closing(), CloseCode.SERVER_ERROR)
  t.is(server.faults.length, 1)
})

test('what was sent before a close arrives before it, what is sent after it does not', async (t) => {
  const server = await startGateway(t)
  server.onFrames = (connection) => {
    connection.send({ type: 'pong' })
    connection.close(CloseCode.OVERLOADED)
    connection.send({ type: 'caughtUp' })
    connection.close(CloseCode.SERVER_ERROR)
  }
  const device = await Device.open(server.url)
  device.sendRaw(ping())
  device.sendRaw(ping())
  t.is(await device.closing(), CloseCode.OVERLOADED)
  t.deepEqual(device.frames, [{ type: 'pong' }])
  t.is(server.heard[0]!.frames.length, 1)
  await waitUntil('the handler knows that it is gone', () => server.heard[0]!.gone === 1)
})

test('a connection that says nothing, and one that says only empty batches, are closed with 4004', async (t) => {
  const { url, heard } = await startGateway(t, { connectTimeoutMs: 1_000 })
  const silent = await Device.open(url)
  const empty = await Device.open(url)
  empty.sendRaw(new Uint8Array(0))
  const speaking = await Device.open(url)
  speaking.sendRaw(ping())
  t.is(await silent.closing(), CloseCode.OVERLOADED)
  t.is(await empty.closing(), CloseCode.OVERLOADED)
  await waitUntil('the frame was heard', () => heard[2]!.frames.length === 1)
  t.is(speaking.closed, undefined)
})

test('a client that answers no ping is closed with 4003, one that answers stays', async (t) => {
  const { url } = await startGateway(t, { pingIntervalMs: 2_000, pongTimeoutMs: 1_000 })
  const mute = await RawSocket.open(url, PROTO)
  const polite = await Device.open(url)
  t.is(await mute.closeCode(), CloseCode.NO_PONG)
  t.true(mute.messages.some(({ opcode }) => opcode === Opcode.ping))
  t.is(polite.closed, undefined)
  mute.destroy()
})

test('a client that does not read is closed as a slow consumer at the limit, and its neighbour is served', async (t) => {
  const server = await startGateway(t, { maxBackpressureBytes: 1_000_000 })
  const deaf = await RawSocket.open(server.url, PROTO)
  deaf.pause()
  const payload = new Uint8Array(60_000).fill(1)
  const chunk = { type: 'signal', from: { user: 15_550_000_001, device: 1 }, payload } as const
  const neighbour = await Device.open(server.url)
  await waitUntil('both are open', () => server.heard.length === 2)
  const { connection } = server.heard[0]!
  let sent = 0
  // Each tick adds a message: first to the buffers of the system, then to those of the node.
  await waitUntil('it is gone', () => {
    connection.send(chunk)
    sent += payload.length
    return server.heard[0]!.gone === 1
  })
  t.true(sent >= 1_000_000)
  server.heard[1]!.connection.send(chunk)
  t.deepEqual((await neighbour.waitFor('signal')).payload, payload)
  deaf.resume()
  await waitUntil('the client learns of it', () => deaf.ended)
  deaf.destroy()
})

test('while draining an upgrade is answered 503, and open connections go on', async (t) => {
  const server = await startGateway(t)
  server.onFrames = (connection) => connection.send({ type: 'pong' })
  const open = await Device.open(server.url)
  server.gateway.startDraining()
  const refused = await RawSocket.open(server.url, PROTO)
  t.is(refused.status, 503)
  t.regex(refused.head, /retry-after: 1\r\n/i)
  open.sendRaw(ping())
  await open.waitFor('pong')
  t.is(open.closed, undefined)
  refused.destroy()
})

test('an address over its limit is answered 429 with the time to wait', async (t) => {
  const addresses: string[] = []
  const { url } = await startGateway(t, {
    admit: (address) => {
      addresses.push(address)
      return { ok: false, retryAfterMs: 2_500 }
    },
  })
  const refused = await RawSocket.open(url, PROTO)
  t.is(refused.status, 429)
  t.regex(refused.head, /retry-after: 3\r\n/i)
  t.deepEqual(addresses, ['127.0.0.1'])
  refused.destroy()
})

test('a text message that is no UTF-8 closes that connection only', async (t) => {
  const { url, faults } = await startGateway(t)
  const other = await Device.open(url)
  const socket = await RawSocket.open(url, JSON_PROTOCOL)
  socket.send(Opcode.text, new Uint8Array([...text('{"frames":["'), 0xff, ...text('"]}')]))
  await waitUntil('it ends', () => socket.ended)
  t.is(other.closed, undefined)
  t.deepEqual(faults, [])
})

test('a socket that says more in a tick than may wait is closed with 4004, and the others go on', async (t) => {
  const limited: string[] = []
  const server = await startGateway(t, {
    waitingBytes: 40_000,
    events: { ...quiet, rateLimited: (limit) => void limited.push(limit) },
  })
  server.onFrames = (connection) => connection.send({ type: 'pong' })
  const other = await Device.open(server.url)
  const loud = await Device.open(server.url)
  const batch = encodeClientFrames(Array.from({ length: 4_096 }, () => ({ type: 'ping' }) as const)).slice()
  await waitUntil('the node has enough', () => {
    for (let i = 0; i < 20 && loud.closed === undefined; i++) loud.sendRaw(batch)
    return loud.closed !== undefined
  })
  t.is(await loud.closing(), CloseCode.OVERLOADED)
  t.deepEqual(limited, ['waitingBytes'])
  other.sendRaw(ping())
  await other.waitFor('pong')
})

test('what comes faster than it is handled is handled in its order, a turn at a time', async (t) => {
  const server = await startGateway(t)
  const device = await Device.open(server.url)
  const acks = Array.from({ length: 30 }, (_, i) => i + 1)
  for (const upTo of acks) device.send(...Array.from({ length: 1_000 }, () => ({ type: 'ack', upTo }) as const))
  await waitUntil('all is handled', () => server.heard[0]!.frames.length === 30_000)
  const order = server.heard[0]!.frames.map((frame) => (frame.type === 'ack' ? frame.upTo : 0))
  t.deepEqual([...new Set(order)], acks)
  t.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  )
})

test('what a handler does not admit is not decoded', async (t) => {
  const server = await startGateway(t)
  const sizes: number[] = []
  server.admits = (connection, bytes) => {
    sizes.push(bytes)
    if (bytes > 10) connection.close(CloseCode.OVERLOADED)
    return bytes <= 10
  }
  const device = await Device.open(server.url)
  device.sendRaw(ping())
  device.sendRaw(new Uint8Array(11).fill(255))
  t.is(await device.closing(), CloseCode.OVERLOADED)
  t.deepEqual(sizes, [4, 11])
  t.is(server.heard[0]!.frames.length, 1)
})

test('a handler hears of messages without frames, of pings, and of pongs that nobody asked for', async (t) => {
  const server = await startGateway(t, { pingIntervalMs: 2_000, pongTimeoutMs: 1_000 })
  let messages = 0
  server.onFrames = () => void messages++
  const socket = await RawSocket.open(server.url, PROTO)
  socket.send(Opcode.binary, '')
  socket.send(Opcode.ping, '')
  socket.send(Opcode.pong, '')
  await waitUntil('all have come', () => messages === 1 && server.heard[0]!.controls === 2)
  await socket.first(Opcode.pong)
  await socket.first(Opcode.ping)
  socket.send(Opcode.pong, '')
  socket.send(Opcode.pong, '')
  await waitUntil('the second one has come', () => server.heard[0]!.controls === 3)
  t.is(server.heard[0]!.controls, 3)
  socket.destroy()
})

test('what gathers in a tick leaves as soon as it is much', async (t) => {
  const server = await startGateway(t)
  server.onFrames = (connection) => {
    for (let i = 0; i < 10_000; i++) connection.send({ type: 'pong' })
    const payload = new Uint8Array(40_000)
    for (let i = 0; i < 3; i++) connection.send({ type: 'signal', from: { user: 1, device: 1 }, payload })
  }
  const socket = await RawSocket.open(server.url, PROTO)
  socket.send(Opcode.binary, ping())
  const frames = () => socket.messages.map(({ payload }) => decodeServerFrames(payload))
  await waitUntil('all is there', () => frames().flat().length === 10_003)
  t.true(frames().every(({ length }) => length <= 512))
  t.true(socket.messages.every(({ payload }) => payload.length < 64 * 1_024 + 40_100))
  socket.destroy()
})

test('past the bound of all sockets the one that has most waiting is closed with 4002', async (t) => {
  const codes: number[] = []
  const server = await startGateway(t, {
    maxBackpressureBytes: 50_000_000,
    bufferedBytesInAll: 3_000_000,
    events: { ...quiet, socketClosed: (code) => void codes.push(code) },
  })
  server.onFrames = (connection, [frame]) => {
    const bytes = frame?.type === 'ack' ? frame.upTo : 0
    const payload = new Uint8Array(60_000)
    for (let i = 0; i < bytes; i += 60_000) connection.send({ type: 'signal', from: { user: 1, device: 1 }, payload })
  }
  const open = async (bytes: number): Promise<RawSocket> => {
    const socket = await RawSocket.open(server.url, PROTO)
    socket.pause()
    socket.send(Opcode.binary, encodeClientFrames([{ type: 'ack', upTo: bytes }]))
    return socket
  }
  const modest = await open(600_000)
  // What the system takes before the node must hold any.
  const greedy = await open(20_000_000)
  await waitUntil('it is closed', () => server.heard.some(({ gone }) => gone > 0))
  t.deepEqual(
    server.heard.map(({ gone }) => gone),
    [0, 1],
  )
  t.deepEqual(codes, [CloseCode.SLOW_CONSUMER])
  modest.destroy()
  greedy.destroy()
})
