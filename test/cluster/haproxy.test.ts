import { request } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { Client, memoryStore, register as askForCode, verify } from '../../client/index.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { Haproxy } from '../chaos/haproxy.ts'
import type { HaproxyOptions } from '../chaos/haproxy.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { Device } from '../helpers/device.ts'
import { call, newPhone } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'haproxy')

/** Long enough for haproxy to look several times, even on a busy machine. */
const DRAIN_PAUSE_MS = 6_000

async function startHaproxy(
  t: ExecutionContext,
  nodePorts: readonly number[],
  options: HaproxyOptions = {},
): Promise<Haproxy> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-haproxy-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const haproxy = await Haproxy.start(directory, nodePorts, options)
  t.teardown(() => haproxy.close())
  await waitUntil('haproxy finds the nodes well', async () =>
    (await haproxy.readStates()).every((state) => state === 'UP'),
  )
  return haproxy
}

/** Asks for a code from one of this machine's own addresses. @returns the status of the answer */
async function register(url: string, localAddress: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const headers = { 'content-type': 'application/json' }
  const sent = request(`${url}/v1/registrations`, { method: 'POST', localAddress, headers }, (answer) => {
    answer.resume()
    resolve(answer.statusCode ?? 0)
  })
  sent.on('error', reject)
  sent.end(JSON.stringify({ phone: newPhone() }))
  return promise
}

test.serial('behind haproxy limits count the address of the client', async (t) => {
  const LIMITS = JSON.stringify({ registrationPerAddress: { burst: 2, perSecond: 0.001 } })
  const { node } = await startNode(t, { env: { TRUSTED_PROXIES: '127.0.0.1', LIMITS } })
  const { url } = await startHaproxy(t, [node.port])
  t.deepEqual(
    [await register(url, '127.0.0.2'), await register(url, '127.0.0.2'), await register(url, '127.0.0.2')],
    [202, 202, 429],
  )
  t.is(await register(url, '127.0.0.3'), 202)
})

test.serial(
  'a node that drains gets no new clients, and those that it has stay until it sends them away',
  async (t) => {
    const databaseUrl = await createTestDatabase(t)
    const config = { node: { drainPauseMs: DRAIN_PAUSE_MS } }
    const env = { TRUSTED_PROXIES: '127.0.0.1' }
    const first = await startNode(t, { databaseUrl, env: { ...env, NODE_NAME: 'first' } })
    const second = await startNode(t, { databaseUrl, env: { ...env, NODE_NAME: 'second' }, config })
    const haproxy = await startHaproxy(t, [first.node.port, second.node.port])

    // They spread evenly, so each node has one.
    const before = [await Device.open(haproxy.url), await Device.open(haproxy.url)]
    const drained = second.node.drain()
    await waitUntil('haproxy takes it out of rotation', async () => (await haproxy.readStates())[1] === 'DOWN')
    t.deepEqual(
      before.map(({ closed }) => closed),
      [undefined, undefined],
    )
    const after = await Promise.all([1, 2, 3].map(() => Device.open(haproxy.url)))
    await drained
    const codes = (): number[] => [...before, ...after].flatMap(({ closed }) => closed?.code ?? [])
    await waitUntil('it has sent its client away', () => codes().length > 0)
    t.deepEqual(codes(), [CloseCode.DRAINING])
    t.true(after.every(({ closed }) => closed === undefined))
  },
)

test.serial('a request that meets a node at its end is answered by another one', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const first = await startNode(t, { databaseUrl, env: { NODE_NAME: 'first' } })
  const second = await startNode(t, { databaseUrl, env: { NODE_NAME: 'second' } })
  const { url } = await startHaproxy(t, [first.node.port, second.node.port])
  // Without a word: haproxy learns of it from the request itself.
  await second.node.destroy()
  const answers = await Promise.all([1, 2, 3, 4].map(() => fetch(`${url}/livez`)))
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
})

test.serial('answers without a body pass, and so does all that an app asks of a server', async (t) => {
  const { node, sms } = await startNode(t)
  const { url } = await startHaproxy(t, [node.port])
  const phone = newPhone()
  const store = memoryStore()
  await askForCode(url, phone)
  const { token } = await verify(url, phone, sms.codeFor(phone), { store, name: 'Phone', platform: 'node' })
  const contacts = await call(`${url}/v1/contacts`, { method: 'PUT', token, body: { users: [] } })
  t.is(contacts.status, 204)
  const page = await fetch(`${url}/docs`)
  const headers = { 'if-none-match': page.headers.get('etag') ?? '' }
  t.is((await fetch(`${url}/docs`, { headers })).status, 304)
  t.is((await fetch(`${url}/docs`, { method: 'HEAD' })).status, 200)
  const client = await Client.open({ url, store })
  t.teardown(() => client.close())
  const faults: string[] = []
  client.on('error', (error) => faults.push(String(error)))
  await new Promise<void>((resolve) => client.on('caughtUp', () => resolve()))
  await client.backups.enable()
  t.is(await client.backups.save(), 1)
  t.deepEqual(faults, [])
})

test.serial('the metrics of the nodes are not for the world', async (t) => {
  const { node } = await startNode(t)
  const { url } = await startHaproxy(t, [node.port])
  t.is((await fetch(`${url}/metrics`)).status, 404)
})

async function openRaw(t: ExecutionContext, url: string): Promise<RawConnection> {
  const connection = await RawConnection.open(url)
  t.teardown(() => connection.end())
  return connection
}

test.serial('a request that two servers could read differently is refused before any node sees it', async (t) => {
  const { node } = await startNode(t, { env: { METRICS_PORT: '0' } })
  const { url } = await startHaproxy(t, [node.port])
  for (const head of [
    'Content-Length: 2\r\nContent-Length: 3',
    'Content-Length: 2, 3',
    'Content-Length: x',
    'X y: z',
  ]) {
    const connection = await openRaw(t, url)
    connection.send(`POST /v1/registrations HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n{}`)
    await waitUntil(`it is refused: ${head}`, () => connection.closed)
    t.regex(connection.received, /^HTTP\/1\.1 400 /, head)
  }
  const { body } = await call<string>(`http://127.0.0.1:${node.metricsPort}/metrics`)
  t.notRegex(body, /parley_http_request_duration_seconds_count\{method="POST"/)
})

test.serial('bodies that come slowly wait at haproxy, and take no place at a node', async (t) => {
  const { node } = await startNode(t, { config: { bodies: { maxWaiting: 1, maxWaitingPerPrefix: 1 } } })
  const { url } = await startHaproxy(t, [node.port])
  const slow = await Promise.all(Array.from({ length: 20 }, () => openRaw(t, url)))
  for (const connection of slow) {
    connection.send('POST /v1/registrations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{')
  }
  t.is(await register(url, '127.0.0.2'), 202)
  t.true(slow.every(({ received }) => received === ''))
})

test.serial('one source gets so many connections and requests, and the others go on', async (t) => {
  const { node } = await startNode(t)
  const { url } = await startHaproxy(t, [node.port], { source: { connections: 5, requests: 20 } })
  const held = await Promise.all([1, 2, 3, 4, 5].map(() => openRaw(t, url)))
  const ask = (connection: RawConnection): void => void connection.send('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  held.forEach(ask)
  await waitUntil('all are served', () => held.every(({ received }) => received.includes('HTTP/1.1 200')))
  // Reset at once, or a moment after it was opened.
  const beyond = await openRaw(t, url).catch(() => undefined)
  await waitUntil('the sixth is closed', () => beyond === undefined || beyond.closed)
  const [first] = held
  for (let sent = held.length; sent <= 21; sent++) ask(first!)
  await waitUntil('the last is refused', () => first!.received.includes('HTTP/1.1 429'))
  t.regex(first!.received, /\r\nretry-after: 1\r\n[^]*"code":"RATE_LIMITED"/i)
  t.is(await register(url, '127.0.0.2'), 202)
})

test.serial(
  'nodes that have all connections that they can have are asked how they are, and get nothing more',
  async (t) => {
    const { node } = await startNode(t)
    const haproxy = await startHaproxy(t, [node.port], { nodeConnections: 3 })
    const held = await Promise.all([1, 2, 3].map(() => Device.open(haproxy.url)))
    const beyond = await call(`${haproxy.url}/v1/me`)
    t.deepEqual([beyond.status, beyond.body['code']], [503, 'UNAVAILABLE'])
    t.deepEqual(await haproxy.readStates(), ['UP'])
    held[0]!.close()
    await waitUntil('there is room', async () => (await call(`${haproxy.url}/v1/me`)).status === 401)
  },
)

test.serial('where no node takes requests, haproxy says so in a problem', async (t) => {
  const { node } = await startNode(t)
  const haproxy = await startHaproxy(t, [node.port])
  await node.destroy()
  await waitUntil('haproxy knows', async () => (await haproxy.readStates())[0] === 'DOWN')
  const answer = await call(`${haproxy.url}/v1/me`)
  t.is(answer.status, 503)
  t.is(answer.headers.get('content-type'), 'application/problem+json')
  t.is(answer.headers.get('retry-after'), '1')
  t.is(answer.body['code'], 'UNAVAILABLE')
})
