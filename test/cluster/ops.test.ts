import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import type { Config } from '../../config/config.ts'
import { askOperator, NATS_PASSWORDS, runNats, startClusterNats } from '../helpers/nats-cli.ts'
import type { NatsServer } from '../helpers/nats-server.ts'
import { createTestDatabase, queryDatabase } from '../helpers/database.ts'
import { Device } from '../helpers/device.ts'
import { NodeProcess } from '../helpers/process.ts'
import { countRows, createAccount, newUser } from '../helpers/raw-accounts.ts'
import { patchConfig } from '../helpers/raw-config.ts'
import { startServer, UNLIMITED } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server', 'nats')

interface Status {
  readonly node: string
  readonly name: string
  readonly state: string
}

interface UserAnswer {
  readonly devices: readonly { readonly connectedTo: string | null; readonly pending: number }[]
}

const SECRET = 'nobody but Bob may read this'

function natsUrl(server: NatsServer): string {
  return server.url.replace('nats://', `nats://node:${NATS_PASSWORDS.NATS_NODE_PASSWORD}@`)
}

/** Two whole nodes of one database, and how often each was told to drain. */
async function startCluster(t: ExecutionContext) {
  const nats = await startClusterNats(t)
  const databaseUrl = await createTestDatabase(t)
  const drains: Record<string, number> = { 'node-1': 0, 'node-2': 0 }
  const nodes: TestServer[] = []
  for (const name of ['node-1', 'node-2']) {
    const env = { NATS_URL: natsUrl(nats), NODE_NAME: name }
    const onDrainRequest = () => void drains[name]!++
    const change = (config: Config) => patchConfig(config, { mailbox: { expirySweepIntervalMs: 100 } })
    nodes.push(await startServer(t, { databaseUrl, env, change, overrides: { onDrainRequest } }))
  }
  return { nats, databaseUrl, nodes, drains }
}

async function askAll<Answer = Status>(nats: NatsServer, subject: string, request = ''): Promise<Answer[]> {
  const { text } = await runNats(
    nats,
    'operator',
    'request',
    '--raw',
    '--replies',
    '2',
    '--reply-timeout',
    '3s',
    subject,
    request,
  )
  return (text.match(/^\{.*\}$/gm) ?? []).map((line) => JSON.parse(line) as Answer)
}

test('status: every node tells how it is', async (t) => {
  const { nats, databaseUrl, nodes } = await startCluster(t)
  const [alice] = await createAccount(databaseUrl)
  const device = await Device.connect(nodes[0]!.url, alice!.token)
  await device.caughtUp()
  const statuses = await askAll(nats, 'parley.status')
  statuses.sort((a, b) => a.name.localeCompare(b.name))
  const common = { state: 'started', bus: 'connected', overload: { level: 'ok' } }
  t.is(statuses.length, 2)
  t.like(statuses[0], { ...common, name: 'node-1', connections: 1, mailboxes: 1, url: nodes[0]!.url })
  t.like(statuses[1], { ...common, name: 'node-2', connections: 0, mailboxes: 0 })
  t.deepEqual(statuses[0]?.node, nodes[0]!.node.id)
  const list = await runNats(nats, 'operator', 'micro', 'ls')
  t.regex(list.text, /│ parley +│ \d+\.\d+\.\d+ +│/)
  t.is(list.text.match(/│ [0-9A-Z]{22} │/g)?.length, 2)
  const info = await runNats(nats, 'operator', 'micro', 'info', 'parley')
  for (const subject of ['parley.status', 'parley.user', 'parley.drain', 'parley.expire'])
    t.true(info.text.includes(subject), subject)
  const stats = await runNats(nats, 'operator', 'micro', 'stats', 'parley')
  t.regex(stats.text, /status/)
})

test('user: which devices there are, where they are connected and what waits for them, and nothing of what it says', async (t) => {
  const { nats, databaseUrl, nodes } = await startCluster(t)
  const [alice] = await createAccount(databaseUrl)
  const [bob] = await createAccount(databaseUrl, { devices: 2 })
  const a = await Device.connect(nodes[0]!.url, alice!.token)
  const b = await Device.connect(nodes[1]!.url, bob!.token)
  await b.caughtUp()
  const copies = [1, 2].map((device) => ({ device, registrationId: 0, payload: new TextEncoder().encode(SECRET) }))
  await a.say(bob!, '', { copies, first: true })
  await b.delivery(SECRET)
  b.ack()
  const ask = async () => (await askOperator(nats, 'parley.user', `{"user":"+${bob!.user}"}`)) as UserAnswer
  await waitUntil('the first device has nothing left', async () => (await ask()).devices[0]?.pending === 0)
  const answer = await ask()
  t.like(answer, { user: String(bob!.user), exists: true })
  t.like(answer.devices[0], { device: 1, connectedTo: nodes[1]!.node.id, pending: 0, hosted: false })
  t.like(answer.devices[1], { device: 2, connectedTo: null, pending: 1 })
  t.false(JSON.stringify(answer).includes(SECRET))
  t.false(JSON.stringify(answer).includes(Buffer.from(SECRET).toString('base64')))
  const nobody = newUser()
  t.deepEqual(await askOperator(nats, 'parley.user', `{"user":${nobody}}`), { user: String(nobody), exists: false })
})

test('drain: the node that is named says so and drains, by its name or id; the others are silent', async (t) => {
  const { nats, nodes, drains } = await startCluster(t)
  t.deepEqual(await askAll(nats, 'parley.drain', '{"node":"node-3"}'), [])
  const answers = await askAll<object>(nats, 'parley.drain', '{"node":"node-2"}')
  t.deepEqual(answers, [{ draining: true, node: nodes[1]!.node.id }])
  await waitUntil('it was told', () => drains['node-2'] === 1)
  await askAll(nats, 'parley.drain', JSON.stringify({ node: nodes[0]!.node.id }))
  await waitUntil('the other one was told', () => drains['node-1'] === 1)
  t.deepEqual(drains, { 'node-1': 1, 'node-2': 1 })
})

test('what is no request is answered with an error, and changes nothing', async (t) => {
  const { nats, drains } = await startCluster(t)
  const bad: readonly [string, string][] = [
    ['parley.user', ''],
    ['parley.user', 'no JSON'],
    ['parley.user', '[]'],
    ['parley.user', '{"user":"nobody"}'],
    ['parley.user', '{"user":"15550000001","more":1}'],
    ['parley.user', `{"user":"${'1'.repeat(5_000)}"}`],
    ['parley.status', '{"node":"node-1"}'],
    ['parley.drain', '{}'],
    ['parley.drain', '{"node":["node-1"]}'],
  ]
  for (const [subject, request] of bad) {
    const { text } = await runNats(nats, 'operator', 'request', subject, request)
    t.regex(text, /Nats-Service-Error-Code: 400/, `${subject} ${request}`)
    t.regex(text, /\{"code":"BAD_REQUEST","message":"[^"]/, `${subject} ${request}`)
  }
  t.deepEqual(drains, { 'node-1': 0, 'node-2': 0 })
})

test('expire: a flood of what has expired is held, told in readyz, and let go when an operator says so', async (t) => {
  const { nats, databaseUrl, nodes } = await startCluster(t)
  const [alice] = await createAccount(databaseUrl)
  await queryDatabase(
    databaseUrl,
    `INSERT INTO envelopes
       (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload)
     SELECT $1, 1, i, 1, 1, 0, false, 1, '', '', '' FROM generate_series(1, 30) i`,
    [alice!.user],
  )
  for (const { url } of nodes) {
    await waitUntil('the node holds them', async () => {
      const { checks } = (await (await fetch(`${url}/readyz`)).json()) as { checks: { expiry: { reason?: string } } }
      return checks.expiry.reason === 'nothing expires: about 30 of 30 envelopes of database 1 have expired at once'
    })
  }
  t.is(await countRows(databaseUrl, alice!), 30)
  const answers = await askAll<{ released: boolean }>(nats, 'parley.expire')
  t.deepEqual(
    answers.map(({ released }) => released),
    [true, true],
  )
  await waitUntil('they are gone', async () => (await countRows(databaseUrl, alice!)) === 0)
})

test('a process that an operator drains ends as on SIGTERM', async (t) => {
  const nats = await startClusterNats(t)
  const databaseUrl = await createTestDatabase(t)
  const process = new NodeProcess(t, {
    NATS_URL: natsUrl(nats),
    NODE_NAME: 'node-1',
    DATABASE_URLS: databaseUrl,
    LIMITS: UNLIMITED,
  })
  const url = await process.ready()
  const [alice] = await createAccount(databaseUrl)
  const device = await Device.connect(url, alice!.token)
  await device.caughtUp()
  await askAll(nats, 'parley.drain', '{"node":"node-1"}')
  await device.waitFor('goaway')
  t.is(await process.exitCode(), 0)
  t.is((await askAll(nats, 'parley.status')).length, 0)
})
