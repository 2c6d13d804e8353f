import type { ConfigPatch } from '../helpers/raw-config.ts'
import type { Problem } from '../../src/api/problem.ts'
import { call, newPhone } from '../helpers/http.ts'
import type { Answer } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import type { Teardown } from '../helpers/database.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { limited } from './limited.ts'
import type { Probe, Probes } from './probe.ts'

const ADDRESSES = ['127.0.0.2', '127.0.0.3', '127.0.0.4']

const say = ({ status, body }: Answer): string => `${status} ${String(body['code'])}`

/** What a request gets beyond limits that leave no room. */
function asking(config: ConfigPatch, ask: (server: TestServer) => Promise<Answer>): Probe {
  return async (t) => say(await ask(await startNode(t, { config })))
}

async function createToken({ databaseUrl }: TestServer): Promise<string> {
  const [device] = await createAccount(databaseUrl)
  return device!.token
}

const askForCode = ({ url }: TestServer): Promise<Answer> =>
  call(`${url}/v1/registrations`, { body: { phone: newPhone() } })

/** Bodies of which only a beginning comes, each from another address: what the first of them that is answered gets. */
async function beginBodies(t: Teardown, { url }: TestServer, target: string, headers = ''): Promise<string> {
  const connections = await Promise.all(ADDRESSES.map((address) => RawConnection.open(url, address)))
  t.teardown(() => connections.forEach((connection) => connection.end()))
  for (const connection of connections) {
    connection.send(`${target} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: 1000\r\n\r\n{`)
  }
  const answered = (): RawConnection | undefined => connections.find(({ received }) => received.endsWith('}'))
  await waitUntil('one is answered', () => answered() !== undefined)
  const { received } = answered()!
  return `${received.slice(9, 12)} ${/"code":"(\w+)"/.exec(received)?.[1]}`
}

function beginning(config: ConfigPatch): Probe {
  return async (t) => beginBodies(t, await startNode(t, { config }), 'POST /v1/registrations')
}

function beginningOwn(config: ConfigPatch, target: string): Probe {
  return async (t) => {
    const server = await startNode(t, { config })
    const token = await createToken(server)
    return beginBodies(t, server, target, `Authorization: Bearer ${token}\r\n`)
  }
}

/** The second of two requests by a user with a bucket for one. */
function twice(name: Parameters<typeof limited>[0], method: string, path: string, body?: unknown): Probe {
  return async (t) => {
    const server = await startNode(t, limited(name, 1))
    const token = await createToken(server)
    await call(server.url + path, { method, token, body })
    return say(await call(server.url + path, { method, token, body }))
  }
}

/** A body that is nested one deeper than it may be. */
async function askNested(t: Teardown): Promise<string> {
  const server = await startNode(t, { config: { http: { maxJsonDepth: 2 } } })
  return say(await call(`${server.url}/v1/registrations`, { body: { phone: [[newPhone()]] } }))
}

export const httpProbes: Probes = {
  'http.maxBodyBytes': asking({ http: { maxBodyBytes: 1_024 } }, ({ url }) =>
    call(`${url}/v1/registrations`, { body: { phone: '+15550000001', padding: 'x'.repeat(1_024) } }),
  ),
  'http.maxConcurrentRequests': asking({ http: { maxConcurrentRequests: 0 } }, askForCode),
  'http.maxConcurrentRequestsPerPrefix': asking({ http: { maxConcurrentRequestsPerPrefix: 0 } }, askForCode),
  'http.maxJsonDepth': askNested,
  'bodies.maxWaiting': beginning({ bodies: { maxWaiting: 2 } }),
  'bodies.maxWaitingPerPrefix': asking({ bodies: { maxWaitingPerPrefix: 0 } }, askForCode),
  'bodies.maxWaitingPerUser': beginningOwn({ bodies: { maxWaitingPerUser: 2 } }, 'POST /messages'),
  'bodies.maxBytes': beginning({ bodies: { maxBytes: 2_999 } }),
  'bodies.minBytesPerSecond': beginning({ bodies: { graceMs: 0, minBytesPerSecond: 1_000_000 } }),
  'bodies.timeoutMs': beginning({ bodies: { graceMs: 0, minBytesPerSecond: 0, timeoutMs: 1 } }),
  'backups.maxWaiting': beginningOwn({ backups: { maxWaiting: 2, maxWaitingPerUser: 3 } }, 'PUT /v1/me/backup'),
  'backups.maxWaitingPerPrefix': async (t) => {
    const server = await startNode(t, { config: { backups: { maxWaitingPerPrefix: 0 } } })
    const token = await createToken(server)
    return say(await call(`${server.url}/v1/me/backup`, { method: 'PUT', token, body: 'x' }))
  },
  'backups.maxWaitingPerUser': beginningOwn({}, 'PUT /v1/me/backup'),
  'backups.maxBytes': beginningOwn({ backups: { maxWaitingPerUser: 3, maxBytes: 2_999 } }, 'PUT /v1/me/backup'),
  'backups.minBytesPerSecond': beginningOwn(
    { backups: { maxWaitingPerUser: 3, graceMs: 0, minBytesPerSecond: 1_000_000 } },
    'PUT /v1/me/backup',
  ),
  'backups.timeoutMs': beginningOwn(
    { backups: { maxWaitingPerUser: 3, graceMs: 0, minBytesPerSecond: 0, timeoutMs: 1 } },
    'PUT /v1/me/backup',
  ),
  'accounts.maxBackupBytes': async (t) => {
    const server = await startNode(t, { config: { accounts: { maxBackupBytes: 10 } } })
    const token = await createToken(server)
    return say(await call(`${server.url}/v1/me/backup`, { method: 'PUT', token, body: 'x'.repeat(11) }))
  },
  'limits.http': twice('http', 'GET', '/v1/me'),
  'limits.anonymous': async (t) => {
    const server = await startNode(t, limited('anonymous', 1))
    await call(`${server.url}/v1/me`)
    return say(await call(`${server.url}/v1/me`))
  },
  'limits.bodyBytes': async (t) => {
    const server = await startNode(t, limited('bodyBytes', 40))
    const [account] = await createAccount(server.databaseUrl)
    const rename = () =>
      call(`${server.url}/v1/me`, { method: 'PATCH', token: account!.token, body: { name: 'x'.repeat(20) } })
    return (await rename()).status === 200 ? say(await rename()) : 'the first one is refused'
  },
  'limits.backup': twice('backup', 'GET', '/v1/me/backup'),
  'limits.devices': twice('devices', 'PUT', '/v1/devices/list', {}),
  'limits.contacts': twice('contacts', 'PUT', '/v1/contacts', { users: [] }),
  'limits.keys': twice('keys', 'PUT', '/v1/keys', {}),
  'connections.max': async (t) => {
    const server = await startNode(t, { config: { connections: { max: 2, crowdedShare: 1 } } })
    const connections = await Promise.all(ADDRESSES.map((address) => RawConnection.open(server.url, address)))
    t.teardown(() => connections.forEach((connection) => connection.end()))
    await waitUntil('one is closed', () => connections.some(({ closed }) => closed))
    return connections.filter(({ closed }) => closed).length === 1 ? 'closed' : 'too many are closed'
  },
  'connections.prefixShare': async (t) => {
    const server = await startNode(t, { config: { connections: { max: 20, crowdedShare: 0.2, prefixShare: 0.25 } } })
    const connections = await Promise.all(Array.from({ length: 6 }, () => RawConnection.open(server.url, ADDRESSES[0])))
    t.teardown(() => connections.forEach((connection) => connection.end()))
    await waitUntil('one is closed', () => connections.some(({ closed }) => closed))
    return connections.filter(({ closed }) => closed).length === 1 ? 'closed' : 'too many are closed'
  },
  'connections.forProbes': async (t) => {
    const server = await startNode(t, { config: { connections: { max: 0 } } })
    for (const path of ['/livez', '/readyz']) if ((await call(server.url + path)).status !== 200) return `no ${path}`
    const { status, body } = await call<Problem>(`${server.url}/v1/me`)
    return `${status} ${body.code}`
  },
}
