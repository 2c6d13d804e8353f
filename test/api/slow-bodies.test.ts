import test from 'ava'
import type { ExecutionContext } from 'ava'
import uWS from '../../src/transport/uws.ts'
import { Exchange } from '../../src/api/exchange.ts'
import type { RequestBody } from '../../src/api/request-body.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const OTHER_ADDRESS = '127.0.0.2'

const head = (target: string, length: number, more = ''): string =>
  `${target} HTTP/1.1\r\nHost: x\r\n${more}Content-Length: ${length}\r\n\r\n`

async function open(t: ExecutionContext, { url }: Pick<TestServer, 'url'>, address?: string): Promise<RawConnection> {
  const connection = await RawConnection.open(url, address)
  t.teardown(() => connection.end())
  return connection
}

/** The status that it got; undefined: none yet. */
const statusOf = ({ received }: RawConnection): number | undefined =>
  received === '' ? undefined : Number(received.slice(9, 12))

async function registerFrom(server: TestServer, address: string): Promise<number | undefined> {
  const connection = await RawConnection.open(server.url, address)
  const body = JSON.stringify({ phone: newPhone() })
  connection.send(head('POST /v1/registrations', body.length) + body)
  await waitUntil('it is answered', () => connection.received.endsWith('}'))
  connection.end()
  return statusOf(connection)
}

test('slow bodies of one address take its share of the places, and nobody else feels it', async (t) => {
  const server = await startNode(t, {
    config: {
      http: { maxConcurrentRequests: 2, maxConcurrentRequestsPerPrefix: 2 },
      bodies: { maxWaitingPerPrefix: 8 },
    },
  })
  const slow = await Promise.all(Array.from({ length: 40 }, () => open(t, server)))
  for (const connection of slow) connection.send(`${head('POST /v1/registrations', 100)}{"phone":`)
  await waitUntil('those beyond the share are refused', () => slow.filter(({ received }) => received).length === 32)
  t.deepEqual(new Set(slow.map(statusOf)), new Set([undefined, 429]))
  t.regex(slow.find(({ received }) => received)!.received, /\r\nretry-after: 1\r\n[^]*"code":"RATE_LIMITED"/)
  for (const path of ['/livez', '/readyz']) t.is((await call(server.url + path)).status, 200)
  t.is(await registerFrom(server, OTHER_ADDRESS), 202)
})

test('health is told without the body of the question, and without any limit', async (t) => {
  const LIMITS = JSON.stringify({ anonymous: { burst: 1, perSecond: 0.001 } })
  const server = await startNode(t, { env: { LIMITS }, config: { http: { maxConcurrentRequests: 0 } } })
  for (const path of ['/livez', '/readyz', '/livez']) t.is((await call(server.url + path)).status, 200)
  const asking = await open(t, server)
  asking.send(head('GET /readyz', 1_000_000))
  await waitUntil('it is told', () => statusOf(asking) === 200)
})

test('without a good token a body is not read', async (t) => {
  const server = await startNode(t, { config: { bodies: { maxWaiting: 1, maxWaitingPerPrefix: 1 } } })
  const { token } = await register(server, newPhone(), { hosted: true })
  const bad = `Authorization: Bearer ${token.slice(0, -4)}AAAA\r\n`
  for (const authorization of ['', bad, bad]) {
    const connection = await open(t, server)
    connection.send(`${head('POST /messages', 10_000, authorization)}{`)
    await waitUntil('it is refused', () => connection.received.endsWith('}'))
    t.is(statusOf(connection), 401)
  }
})

test('a body that comes too slowly is refused, and its place is free', async (t) => {
  const bodies = { maxWaiting: 1, maxWaitingPerPrefix: 1, graceMs: 0, minBytesPerSecond: 1_000_000 }
  const server = await startNode(t, { config: { bodies } })
  const connection = await open(t, server)
  connection.send(`${head('POST /v1/registrations', 100)}{"phone":`)
  await waitUntil('it is refused', () => connection.received.endsWith('}'))
  t.regex(connection.received, /^HTTP\/1\.1 408 [^]*"code":"REQUEST_TIMEOUT"/)
  t.is(await registerFrom(server, OTHER_ADDRESS), 202)
})

test('a limit that is used up is told before the body has come', async (t) => {
  const LIMITS = JSON.stringify({ link: { burst: 1, perSecond: 0.001 } })
  const server = await startNode(t, { env: { LIMITS } })
  const connections = await Promise.all([1, 2].map(() => open(t, server)))
  for (const connection of connections) connection.send(`${head('POST /v1/devices/link/claim', 1_000)}{`)
  await waitUntil('one is refused', () => connections.some(({ received }) => received.endsWith('}')))
  t.deepEqual(new Set(connections.map(statusOf)), new Set([undefined, 429]))
})

test('slow backups take their own place, one of each user, and leave room for others', async (t) => {
  const backups = { maxWaiting: 2, maxWaitingPerPrefix: 1, graceMs: 0, minBytesPerSecond: 0 }
  const server = await startNode(t, { config: { backups } })
  const [alice, bob] = [await register(server), await register(server)]
  const put = async (token: string, address: string): Promise<RawConnection> => {
    const connection = await open(t, server, address)
    connection.send(`${head('PUT /v1/me/backup', 1_000, `Authorization: Bearer ${token}\r\n`)}x`)
    return connection
  }
  const first = await put(alice.token, '127.0.0.3')
  const twice = await put(alice.token, '127.0.0.4')
  await waitUntil('her second one is refused', () => twice.received.endsWith('}'))
  t.is(statusOf(twice), 429)
  await put(bob.token, '127.0.0.5')
  const carol = await register(server)
  const last = await put(carol.token, '127.0.0.6')
  await waitUntil('the slowest has given way', () => first.received.endsWith('}'))
  t.is(statusOf(first), 503)
  t.is(statusOf(last), undefined)
})

test('a body that nobody reads waits in the network, and comes whole when it is read', async (t) => {
  const BYTES = 32_000_000
  const app = uWS.App()
  t.teardown(() => app.close())
  let body: RequestBody | undefined
  let kept = 0
  app.post('/', (response, request) => {
    body = new Exchange(response, request, [], '').openBody(BYTES)
    body.reportTo({ progressed: (bytes) => void (kept += bytes), arrived: () => undefined })
  })
  const port = await new Promise<number>((resolve) => {
    app.listen('127.0.0.1', 0, (socket) => resolve(uWS.us_socket_local_port(socket as never)))
  })
  const sender = await open(t, { url: `http://127.0.0.1:${port}` })
  sender.send(head('POST /', BYTES))
  const chunk = 'x'.repeat(BYTES / 32)
  for (let sent = 0; sent < 32; sent++) sender.send(chunk)
  let taken = -1
  await waitUntil('the network is full', () => {
    const stands = taken === sender.taken && kept > 0
    taken = sender.taken
    return stands
  })
  t.true(taken < BYTES, 'the sender has to wait')
  t.true(kept <= 512 * 1_024, `${kept} bytes are here`)
  t.is((await body!.read()).length, BYTES)
  t.is(kept, BYTES)
})
