import test from 'ava'
import type { ExecutionContext } from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { Kind } from '../../proto/frames.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { Device } from '../helpers/device.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import type { TestAccount } from '../helpers/http.ts'
import { startNatsServer } from '../helpers/nats-server.ts'
import type { NatsServer } from '../helpers/nats-server.ts'
import { patchConfig } from '../helpers/raw-config.ts'
import { startServer } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

interface Pair {
  readonly nats: NatsServer
  readonly databaseUrl: string
  readonly one: TestServer
  readonly two: TestServer
}

const natsTest = testWithTools(test, 'nats-server').serial

/** Two whole nodes, NATS and one database. */
async function startPair(t: ExecutionContext, joined = true): Promise<Pair> {
  const nats = await startNatsServer(t)
  if (!joined) await nats.stop()
  const databaseUrl = await createTestDatabase(t)
  const start = (name: string) => startNode(t, nats.url, databaseUrl, name)
  return { nats, databaseUrl, one: await start('one'), two: await start('two') }
}

function startNode(t: ExecutionContext, natsUrl: string, databaseUrl: string, name: string): Promise<TestServer> {
  return startServer(t, {
    databaseUrl,
    env: { NATS_URL: natsUrl, NODE_NAME: name },
    // The ordinary poll must not be what helps.
    change: (config) => patchConfig(config, { mailbox: { pollIntervalMs: 600_000 } }),
  })
}

const recipient = ({ user, device }: TestAccount) => ({ user: Number(user), device })

async function busOf({ url }: TestServer): Promise<{ ready: boolean; state: string }> {
  const { body } = await call<{ ready: boolean; checks: Record<string, { state: string }> }>(`${url}/readyz`)
  return { ready: body.ready, state: body.checks['bus']!.state }
}

const until = (server: TestServer, state: string) =>
  waitUntil(`the bus is ${state}`, async () => (await busOf(server)).state === state)

/** One message with all that comes of it. */
async function converse(a: Device, b: Device, to: TestAccount, body: string): Promise<void> {
  const { id } = await a.say(recipient(to), body)
  await b.delivery(body)
  if (!(await a.accepted(id)).delivered.includes(to.device as never)) await a.receipt(Kind.DELIVERED, id)
}

natsTest('messages go on without NATS, and it is said; they are quick again when it is back', async (t) => {
  const { nats, one, two } = await startPair(t)
  const [alice, bob] = [await register(one), await register(two)]
  const a = await Device.connect(one.url, alice.token, { acks: true })
  const b = await Device.connect(two.url, bob.token, { acks: true })
  await converse(a, b, bob, 'by NATS')
  t.deepEqual(await busOf(one), { ready: true, state: 'ok' })
  await nats.stop()
  await until(one, 'degraded')
  t.true((await busOf(one)).ready)
  await converse(a, b, bob, 'by the rows')
  await converse(b, a, alice, 'and back')
  await nats.start()
  await until(one, 'ok')
  await until(two, 'ok')
  await converse(a, b, bob, 'by NATS again')
})

natsTest('a node that alone is cut off from NATS wakes the others by the database', async (t) => {
  const { nats, one, databaseUrl } = await startPair(t)
  const proxy = await TcpProxy.open({ host: '127.0.0.1', port: nats.port })
  t.teardown(() => proxy.close())
  const cut = await startNode(t, `nats://127.0.0.1:${proxy.port}`, databaseUrl, 'cut')
  const [alice, bob] = [await register(cut), await register(one)]
  const a = await Device.connect(cut.url, alice.token, { acks: true })
  const b = await Device.connect(one.url, bob.token, { acks: true })
  await converse(a, b, bob, 'by NATS')
  proxy.sever()
  await until(cut, 'degraded')
  t.deepEqual(await busOf(one), { ready: true, state: 'ok' })
  await converse(a, b, bob, 'by the database')
  await converse(b, a, alice, 'and back')
})

natsTest('nodes whose NATS is not there yet serve, and join later', async (t) => {
  const { nats, one, two } = await startPair(t, false)
  t.deepEqual(await busOf(one), { ready: true, state: 'degraded' })
  const [alice, bob] = [await register(one), await register(two)]
  const a = await Device.connect(one.url, alice.token, { acks: true })
  const b = await Device.connect(two.url, bob.token, { acks: true })
  await converse(a, b, bob, 'before')
  await nats.start()
  await until(one, 'ok')
  await until(two, 'ok')
  await converse(a, b, bob, 'after')
})

natsTest('a frozen NATS delays messages and new sessions, and loses none', async (t) => {
  const { nats, one, two } = await startPair(t)
  const [alice, bob] = [await register(one), await register(two)]
  const a = await Device.connect(one.url, alice.token, { acks: true })
  const b = await Device.connect(two.url, bob.token, { acks: true })
  await converse(a, b, bob, 'before')
  await nats.freeze()
  t.teardown(() => nats.thaw())
  await converse(a, b, bob, 'meanwhile')
  const moved = await Device.connect(one.url, bob.token, { acks: true })
  await converse(a, moved, bob, 'to a session begun meanwhile')
  nats.thaw()
  await until(one, 'ok')
  await until(two, 'ok')
  await converse(a, moved, bob, 'after')
  // Deliveries may come again, and the SDK drops them: the first ones are in order.
  t.true(moved.bodies.indexOf('to a session begun meanwhile') < moved.bodies.indexOf('after'))
  t.is(await b.closing(), CloseCode.REPLACED)
})

natsTest('who registers again through one node loses the session on another, and is found anew by all', async (t) => {
  const { one, two } = await startPair(t)
  const phone = newPhone()
  const [alice, bob] = [await register(one), await register(one, phone)]
  const a = await Device.connect(two.url, alice.token, { acks: true })
  const old = await Device.connect(two.url, bob.token, { acks: true })
  await converse(a, old, bob, 'to the old one')
  const again = await register(one, phone)
  t.is(await old.closing(), CloseCode.DEVICE_REMOVED)
  const b = await Device.connect(one.url, again.token, { acks: true })
  await converse(a, b, again, 'to the new one')
  await call(`${one.url}/v1/me`, { method: 'DELETE', token: again.token })
  t.is(await b.closing(), CloseCode.DEVICE_REMOVED)
  await waitUntil('the other node knows', async () => {
    const frame = { type: 'send' as const, id: crypto.randomUUID(), to: Number(again.user) }
    a.send({
      ...frame,
      kind: Kind.MESSAGE,
      copies: [{ device: 1, registrationId: 0, payload: new Uint8Array(1) }],
      about: [],
      urgent: false,
      ttl: 0,
      first: true,
    } as never)
    const error = await a.refused(frame.id)
    return error.code === 'UNKNOWN_USER'
  })
})
