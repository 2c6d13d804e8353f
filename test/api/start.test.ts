import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Client } from 'pg'
import { endPostmaster, findPostmaster } from '../../src/storage/postmaster.ts'
import { createDataDir, createFolder } from '../helpers/data-dir.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { call } from '../helpers/http.ts'
import { NodeProcess } from '../helpers/process.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const PHONE = '+15550000001'

/** Ends what PostgreSQL is left in a data folder, with the test. */
function endLeftOver(t: ExecutionContext, folder: string): string {
  t.teardown(async () => {
    const file = join(folder, 'postgres/postmaster.pid')
    const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])
    if (pid > 1) await endPostmaster(pid, join(folder, 'postgres'))
  })
  return folder
}

const createEmptyDir = async (t: ExecutionContext): Promise<string> => endLeftOver(t, await createFolder(t))
const createUsedDir = async (t: ExecutionContext): Promise<string> => endLeftOver(t, await createDataDir(t))

async function registerAt(url: string, node: NodeProcess): Promise<string> {
  await call(`${url}/v1/registrations`, { body: { phone: PHONE } })
  await waitUntil('the code is in the log', () => node.codeFor(PHONE) !== undefined)
  const body = { phone: PHONE, code: node.codeFor(PHONE) }
  return (await call<{ token: string }>(`${url}/v1/registrations/verify`, { body })).body.token
}

/** A request that is under way until its body is sent. */
async function holdRequest(url: string): Promise<RawConnection> {
  const connection = await RawConnection.open(url)
  connection.send('POST /v1/registrations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{')
  // Sent later on another connection: when it is answered, the first has arrived too.
  await call(`${url}/livez`)
  return connection
}

test.serial('a first start prints where it is and how to go on; a second one finds its data', async (t) => {
  const DATA_DIR = await createEmptyDir(t)
  const first = new NodeProcess(t, { DATA_DIR })
  const url = await first.ready()
  t.true(first.stdout.includes(`Parley is ready on ${url}, with its data in ${DATA_DIR}\n`))
  t.regex(first.stdout, /npm run chat -- \+15550000001\n/)
  t.true(first.stdout.includes(`${url}/docs\n`))
  t.is((await call(`${url}/docs`)).status, 200)
  const token = await registerAt(url, first)
  first.signal('SIGTERM')
  t.is(await first.exitCode(), 0)
  t.is(first.stderr, '')
  t.true(first.stdout.includes(`"event":"masterKeyMade","file":"${join(DATA_DIR, 'master.key')}"`))

  const second = new NodeProcess(t, { DATA_DIR })
  t.is((await call(`${await second.ready()}/v1/me`, { token })).status, 200)
  second.signal('SIGINT')
  t.is(await second.exitCode(), 0)
  t.false(second.stdout.includes('masterKeyMade'))
})

test.serial('a wrong MASTER_KEY stops the start with one line that does not repeat it', async (t) => {
  const node = new NodeProcess(t, { DATA_DIR: await createEmptyDir(t), MASTER_KEY: 'secret' })
  t.is(await node.exitCode(), 1)
  t.regex(node.stderr, /^MASTER_KEY must be 32 bytes[^\n]*\n$/)
  t.notRegex(node.stderr, /secret/)
})

test.serial('a node that was killed starts again with its data', async (t) => {
  const DATA_DIR = await createUsedDir(t)
  const first = new NodeProcess(t, { DATA_DIR })
  const token = await registerAt(await first.ready(), first)
  await first.kill('SIGKILL')
  const second = new NodeProcess(t, { DATA_DIR })
  t.is((await call(`${await second.ready()}/v1/me`, { token })).status, 200)
})

test.serial('SIGTERM turns readyz red and waits for what is under way; a second one stops at once', async (t) => {
  const DATA_DIR = await createUsedDir(t)
  const node = new NodeProcess(t, { DATA_DIR })
  const url = await node.ready()
  const held = await holdRequest(url)
  // From then on no connections are taken: open ones show it, each once.
  const kept = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(url)))
  t.is((await call(`${url}/readyz`)).status, 200)
  node.signal('SIGTERM')
  const asked: RawConnection[] = []
  await waitUntil('readyz is red', () => {
    const next = kept.pop()
    next?.send('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n')
    if (next !== undefined) asked.push(next)
    return asked.some(({ received }) => received.includes('"node":{"state":"failed","reason":"draining"}'))
  })
  t.false(node.exited)
  held.send('}')
  t.is(await node.exitCode(), 0)
  t.regex(held.received, /^HTTP\/1\.1 400 /)

  const hasty = new NodeProcess(t, { DATA_DIR })
  await holdRequest(await hasty.ready())
  hasty.signal('SIGTERM')
  await waitUntil('it drains', () => hasty.stdout.includes('nodeDraining'))
  await waitUntil('the second signal is not taken for the echo of the first', () => {
    hasty.signal('SIGTERM')
    return hasty.exited
  })
  t.is(await hasty.exitCode(), 1)
  t.false(hasty.stdout.includes('nodeStopped'))
})

test.serial('a closed terminal stops a node and its PostgreSQL, also while they start', async (t) => {
  const DATA_DIR = await createUsedDir(t)
  const server = join(DATA_DIR, 'postgres')
  const runs = async () => (await findPostmaster(server)) !== undefined
  const node = new NodeProcess(t, { DATA_DIR })
  await node.ready()
  node.signal('SIGHUP')
  t.is(await node.exitCode(), 0)
  t.false(await runs())
  for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) {
    const starting = new NodeProcess(t, { DATA_DIR })
    await waitUntil('PostgreSQL starts', runs)
    starting.signal(signal)
    await starting.exitCode()
    await waitUntil('PostgreSQL has gone', async () => !(await runs()))
    t.pass()
  }
})

test.serial('what stops a start is one clear line and exit code 1', async (t) => {
  const busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  t.teardown(() => busy.close())
  const busyPort = String((busy.address() as AddressInfo).port)
  const folder = await createEmptyDir(t)
  const file = join(folder, 'file')
  await writeFile(file, '')
  const newer = await createTestDatabase(t)
  const client = new Client(newer)
  await client.connect()
  await client.query(`INSERT INTO schema_migrations (name) VALUES ('9999-later')`)
  await client.end()

  const cases: readonly [Record<string, string>, RegExp][] = [
    [{ PORT: busyPort }, new RegExp(`^PORT: port ${busyPort} of 127\\.0\\.0\\.1 is in use by another program$`)],
    [{ HOST: '192.0.2.1', PORT: '4000' }, /^HOST: this machine has no address 192\.0\.2\.1$/],
    [{ PORT: 'three thousand' }, /^PORT must be a whole number from 0 to 65535, not "three thousand"$/],
    [{ LIMITS: '{"send":1}' }, /^LIMITS: send must be /],
    [{ DATA_DIR: join(file, 'data') }, /^DATA_DIR: cannot write to the folder \S+ \(ENOTDIR\)$/],
    [
      { DATABASE_URLS: newer },
      /^The database \S+ has a newer schema than this version of Parley can run on \(9999-later\): start/,
    ],
    [{ DATABASE_URLS: `${newer}x` }, /^The database \S+ cannot be reached: /],
  ]
  for (const [env, line] of cases) {
    const node = new NodeProcess(t, { DATA_DIR: folder, ...env })
    t.is(await node.exitCode(), 1, JSON.stringify(env))
    t.is(node.stdout, '')
    t.regex(node.stderr, /^[^\n]+\n$/)
    t.regex(node.stderr.trim(), line)
  }
})

test.serial('DATABASE_URLS are used instead of an embedded PostgreSQL', async (t) => {
  const DATA_DIR = await createEmptyDir(t)
  const urls = [await createTestDatabase(t), await createTestDatabase(t)]
  const node = new NodeProcess(t, { DATA_DIR, DATABASE_URLS: urls.join(',') })
  await registerAt(await node.ready(), node)
  t.regex(node.stdout, /Parley is ready on http:\S+\n/)
  t.deepEqual(await readdir(DATA_DIR), [])
  const users = await Promise.all(
    urls.map(async (url) => {
      const client = new Client(url)
      await client.connect()
      const { rowCount } = await client.query('SELECT FROM users')
      await client.end()
      return rowCount
    }),
  )
  t.deepEqual(users.toSorted(), [0, 1])
})

test.serial('logs have no phone number, token or code, but where the operator must read it', async (t) => {
  const node = new NodeProcess(t, { DATABASE_URLS: await createTestDatabase(t), LOG_LEVEL: 'trace' })
  const url = await node.ready()
  const token = await registerAt(url, node)
  await call(`${url}/v1/me`, { token, method: 'PATCH', body: { name: 'Canary', pin: '271828' } })
  await call(`${url}/v1/registrations/verify`, { body: { phone: PHONE, code: '000000' } })
  await call(`${url}/v1/me`, { token, method: 'DELETE' })
  await waitUntil('the last event is logged', () => node.stdout.includes('accountDeleted'))
  const lines = node.stdout.split('\n').filter((line) => line.startsWith('{'))
  t.true(lines.length > 5)
  const logged = lines.filter((line) => !line.includes('"event":"sms"')).join('\n')
  t.notRegex(logged, /15550000001|Canary|271828/)
  t.false(logged.includes(token.slice(14)))
  const names = [...logged.matchAll(/"user":"([^"]+)"/g)].map(([, name]) => name)
  t.is(new Set(names).size, 1)
})
