import { randomBytes } from 'node:crypto'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { encodeBackupHeader } from '../../client/crypto/wire/backup-header.ts'
import { encodeBase64 } from '../../proto/base64.ts'
import type { Problem } from '../../src/api/problem.ts'
import { register } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { shareServer, startServer } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'

const shared = shareServer(test)

function container(user: string, version: number, size = 1_000): Buffer {
  const header = encodeBackupHeader({ user: Number(user), version, createdMs: Date.now(), salt: randomBytes(32) })
  return Buffer.concat([header, randomBytes(size)])
}

async function put(server: TestServer, token: string, id: string, body: Buffer) {
  const response = await fetch(`${server.url}/v1/me/backup`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'backup-id': id },
    body: new Uint8Array(body),
  })
  return { status: response.status, body: (response.status === 204 ? {} : await response.json()) as Problem }
}

async function get(t: ExecutionContext, server: TestServer, token: string, id: string): Promise<Buffer | undefined> {
  const headers = { authorization: `Bearer ${token}`, 'backup-id': id }
  const response = await fetch(`${server.url}/v1/me/backup`, { headers })
  if (response.status === 404) return undefined
  t.is(response.headers.get('content-type'), 'application/octet-stream')
  return Buffer.from(await response.arrayBuffer())
}

const newId = () => encodeBase64(randomBytes(16))

test('a backup is stored and fetched by whoever knows its id, also after registering again', async (t) => {
  const server = shared()
  const { token, user } = await register(server)
  const id = newId()
  const first = container(user, 1)
  t.is(await get(t, server, token, id), undefined)
  t.is((await put(server, token, id, first)).status, 204)
  t.deepEqual(await get(t, server, token, id), first)
  const thief = await register(server, `+${user}`)
  const other = newId()
  t.is(await get(t, server, thief.token, other), undefined)
  t.is((await put(server, thief.token, other, container(user, 9))).body.code, 'FORBIDDEN')
  t.deepEqual(await get(t, server, thief.token, id), first)
})

test('the version of a backup rises', async (t) => {
  const server = shared()
  const { token, user } = await register(server)
  const id = newId()
  const second = container(user, 2)
  t.is((await put(server, token, id, second)).status, 204)
  t.is((await put(server, token, id, second)).status, 204, 'again')
  for (const version of [1, 2]) {
    const refused = await put(server, token, id, container(user, version))
    t.is(refused.status, 409)
    t.is(refused.body.code, 'BACKUP_CONFLICT')
    t.deepEqual(refused.body.details, { version: 2 })
  }
  const third = container(user, 3)
  t.is((await put(server, token, id, third)).status, 204)
  t.deepEqual(await get(t, server, token, id), third)
})

test('what is no backup of the user is refused', async (t) => {
  const server = shared()
  const { token, user } = await register(server)
  const good = container(user, 1)
  const bodies = [Buffer.alloc(0), good.subarray(0, 57), Buffer.alloc(100), container('15550009999', 1)]
  for (const body of bodies) t.is((await put(server, token, newId(), body)).body.code, 'BAD_REQUEST')
  for (const id of ['', 'x', encodeBase64(randomBytes(15))]) {
    t.is((await put(server, token, id, good)).body.code, 'BAD_REQUEST')
  }
})

test('a backup over the limit is refused, and one at it is not', async (t) => {
  const server = await startNode(t, { config: { accounts: { maxBackupBytes: 10_000 } } })
  const { token, user } = await register(server)
  t.is((await put(server, token, newId(), container(user, 1, 10_000 - 57))).body.code, 'TOO_LARGE')
  t.is((await put(server, token, newId(), container(user, 1, 10_000 - 58))).status, 204)
})

test('a large backup passes', async (t) => {
  const server = shared()
  const { token, user } = await register(server)
  const id = newId()
  const large = container(user, 1, 7 * 1024 * 1024)
  const stored = await put(server, token, id, large)
  t.is(stored.status, 204, JSON.stringify(stored.body))
  t.true((await get(t, server, token, id))?.equals(large))
})

test('backups are limited by user', async (t) => {
  const server = await startServer(t, { env: { LIMITS: '{"backup":{"burst":1,"perSecond":0.01}}' } })
  const { token, user } = await register(server)
  const id = newId()
  t.is((await put(server, token, id, container(user, 1))).status, 204)
  t.is((await put(server, token, id, container(user, 2))).body.code, 'RATE_LIMITED')
})
