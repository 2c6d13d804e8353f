import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import test from 'ava'
import { seededRandom } from '../../tools/replay/random.ts'
import type { Teardown } from '../helpers/database.ts'
import { SlowLine } from '../helpers/slow-line.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitUntil } from '../helpers/wait-until.ts'

test('a silent link loses what it is given, and is reset when it is mended', async (t) => {
  const { proxy, client, server } = await link(t)
  proxy.silence('toFar')
  client.socket.write('lost')
  server.socket.write('back')
  await waitUntil('the other direction goes on', () => client.heard === 'back')
  t.is(server.heard, '')
  proxy.mend()
  await waitUntil('both ends are told', () => client.socket.destroyed && server.socket.destroyed)
  t.is(server.heard, '')
})

test('a slow line brings everything late, in order and whole, and the end last', async (t) => {
  const { proxy, client, server } = await link(t)
  const line = new SlowLine({ delayMs: 20, bytesPerSecond: 200_000, loss: 0.3 }, seededRandom(7))
  proxy.slow(line)
  const text = Array.from({ length: 3_000 }, (_, i) => `${i} `).join('')
  client.socket.write(text)
  await waitUntil('the server has it', () => server.heard === text)
  server.socket.end(text)
  await waitUntil('the end has come', () => client.socket.readableEnded)
  t.is(client.heard, text)
})

test('what is under way on a slow line arrives when it is mended, before what follows', async (t) => {
  const { proxy, client, server } = await link(t)
  proxy.slow(new SlowLine({ delayMs: 3_600_000, bytesPerSecond: 1, loss: 0 }, () => 0.5))
  client.socket.write('late')
  await waitUntil('it is under way', () => proxy.carriedBytes === 4)
  t.is(server.heard, '')
  proxy.slow(undefined)
  client.socket.write(' and later')
  await waitUntil('both have come', () => server.heard === 'late and later')
})

test('what a slow line carries follows its quality', (t) => {
  const arrivals = (loss: number): number[] => {
    const line = new SlowLine({ delayMs: 500, bytesPerSecond: 2_500, loss }, seededRandom(3))
    return [...line.carry(Buffer.alloc(65_536), 'toFar', 0)].map(({ at }) => at)
  }
  t.is(Math.round(arrivals(0).at(-1)!), Math.round((65_536 / 2_500) * 1_000 + 500))
  const jumps = arrivals(0.1).filter((at, i, all) => i > 0 && at - all[i - 1]! >= 1_500)
  t.true(jumps.length >= 2 && jumps.length <= 10, String(jumps.length))
})

test('a side of a silent link does not hear that the other one has gone', async (t) => {
  const { proxy, client, server } = await link(t)
  proxy.silence('both')
  server.socket.destroy()
  client.socket.write('lost')
  const late = await join(t, proxy)
  await waitUntil('a new connection seems to be there', () => late.socket.readyState === 'open')
  t.is(client.socket.readyState, 'open')
  proxy.mend()
  await waitUntil('all are told', () => client.socket.destroyed && late.socket.destroyed)
  t.is(proxy.size, 0)
})

test('a link that is led elsewhere keeps its connections, and takes new ones there', async (t) => {
  const { proxy, client, server } = await link(t)
  const elsewhere = await listen(t)
  proxy.retarget({ host: '127.0.0.1', port: elsewhere.port })
  const late = await join(t, proxy)
  late.socket.write('new')
  client.socket.write('old')
  await waitUntil('both have arrived', () => elsewhere.ends[0]?.heard === 'new' && server.heard === 'old')
  t.is(elsewhere.ends.length, 1)
})

interface End {
  readonly socket: Socket
  heard: string
}

/** One connection through a proxy, from both of its ends. */
async function link(t: Teardown): Promise<{ proxy: TcpProxy; client: End; server: End }> {
  const { port, ends } = await listen(t)
  const proxy = await TcpProxy.open({ host: '127.0.0.1', port })
  t.teardown(() => proxy.close())
  const client = await join(t, proxy)
  await waitUntil('the server has it too', () => ends.length === 1)
  return { proxy, client, server: ends[0]! }
}

async function listen(t: Teardown): Promise<{ port: number; ends: readonly End[] }> {
  const ends: End[] = []
  const server = createServer((socket) => ends.push(end(t, socket))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, ends }
}

async function join(t: Teardown, { port }: TcpProxy): Promise<End> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return end(t, socket)
}

function end(t: Teardown, socket: Socket): End {
  const one: End = { socket, heard: '' }
  socket.on('error', () => {}).on('data', (chunk: Buffer) => (one.heard += chunk.toString()))
  t.teardown(() => socket.destroy())
  return one
}
