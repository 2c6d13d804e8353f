import test from 'ava'
import type { ExecutionContext } from 'ava'
import { createTestDatabase, queryDatabase } from '../helpers/database.ts'
import { Device, message } from '../helpers/device.ts'
import { call } from '../helpers/http.ts'
import { NodeProcess } from '../helpers/process.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const FILES = 256
/** More than there are files. */
const IDLE = 400

async function openIdle(t: ExecutionContext, url: string, address: string): Promise<RawConnection[]> {
  const idle = await Promise.all(Array.from({ length: IDLE }, () => RawConnection.open(url, address)))
  t.teardown(() => {
    for (const connection of idle) connection.end()
  })
  return idle
}

async function readMetric(url: string, name: string): Promise<number> {
  const { body } = await call<string>(`${url}/metrics`)
  return Number(
    body
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  )
}

test('idle connections of one address use up neither the files nor the room of others', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const [alice] = await createAccount(databaseUrl)
  const [bob] = await createAccount(databaseUrl)
  const node = new NodeProcess(t, { DATABASE_URLS: databaseUrl }, FILES)
  const url = await node.ready()
  const device = await Device.connect(url, alice!.token)

  const idle = await openIdle(t, url, '127.0.0.2')
  await waitUntil('those beyond the share are closed', () => idle.filter(({ closed }) => closed).length > IDLE / 2)
  t.is((await call(`${url}/livez`)).status, 200)
  const ready = await call<{ checks: Record<string, { state: string; reason?: string }> }>(`${url}/readyz`)
  t.is(ready.status, 200)
  t.is(ready.body.checks['connections']?.state, 'degraded')
  t.regex(ready.body.checks['connections']?.reason ?? '', /^\d+ of 160 connections are open$/)
  t.true((await readMetric(url, 'parley_connections_refused_total{why="prefix"}')) > IDLE / 2)

  // What PostgreSQL needs of files is there.
  await queryDatabase(
    databaseUrl,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )
  await waitUntil('the database is back', async () => (await call(`${url}/readyz`)).status === 200)
  await waitUntil('her messages are accepted', async () => {
    device.send(message(bob!, 'hello', { first: true }))
    return device.frames.some(({ type }) => type === 'accepted')
  })
  t.is(device.closed, undefined)
  t.regex(node.stdout, /"event":"crowdedChanged","crowded":true,"open":\d+,"max":160/)
  t.notRegex(node.stdout, /EMFILE/)
})

test('a node that many addresses fill together tells everybody how it is', async (t) => {
  const node = new NodeProcess(t, { DATABASE_URLS: await createTestDatabase(t) }, FILES)
  const url = await node.ready()
  const addresses = Array.from({ length: 40 }, (_, i) => `127.0.1.${i + 1}`)
  const idle: RawConnection[] = []
  for (let round = 0; round < 10; round++) {
    const more = await Promise.all(addresses.map((address) => RawConnection.open(url, address)))
    idle.push(...more)
  }
  t.teardown(() => idle.forEach((connection) => connection.end()))
  await waitUntil('those beyond their share are closed', () => idle.filter(({ closed }) => closed).length >= 240)
  for (const path of ['/livez', '/readyz']) t.is((await call(url + path)).status, 200)
  const stranger = await RawConnection.open(url, '127.0.2.1')
  stranger.send('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await waitUntil('a stranger is answered', () => stranger.closed)
  t.regex(stranger.received, /^HTTP\/1.1 200 /)
})

test('a client that leaves in the middle of a body that nobody reads leaves no file behind', async (t) => {
  const node = new NodeProcess(t, { DATABASE_URLS: await createTestDatabase(t) }, FILES)
  const url = await node.ready()
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(url, '127.0.0.2')))
  for (const client of clients) {
    client.send('PATCH /v1/me HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{')
  }
  await waitUntil('they are refused', () => clients.every(({ received }) => received.startsWith('HTTP/1.1 401')))
  for (const client of clients) client.end()
  await waitUntil(
    'their connections are gone',
    async () => (await readMetric(url, 'parley_http_connections')) < clients.length,
  )
  t.pass()
})

test('a node that may open hardly any files says so and does not start', async (t) => {
  const node = new NodeProcess(t, { DATABASE_URLS: await createTestDatabase(t) }, 80)
  t.is(await node.exitCode(), 1)
  t.is(node.stderr, 'The system allows 80 files: a node needs more than 96\n')
})
