import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Client, memoryStore } from '../../client/node.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { Kind } from '../../proto/frames.ts'
import type { Problem } from '../../src/api/problem.ts'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { Shards } from '../../src/storage/shards.ts'
import { PostgresServer } from '../faults/postgres-server.ts'
import { createDataDir } from '../helpers/data-dir.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { connectFrame, Device, message, receipt } from '../helpers/device.ts'
import type { Answer, TestAccount } from '../helpers/http.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount, newUser } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import type { ConfigPatch } from '../helpers/raw-config.ts'
import { MailboxLock } from '../helpers/raw-lock.ts'
import { RawSocket } from '../helpers/raw-socket.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

interface Report {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, { readonly state: string; readonly reason?: string }>>
}

const PROTO = 'parley.v1.proto'
/** Of the event loop, well above what a busy machine makes by itself. */
const BUSY_MS = 900

/** Reached within a test's patience. */
const config: ConfigPatch = {
  gateway: { connectTimeoutMs: 100_000, pingIntervalMs: 100_000 },
  overload: {
    // A busy machine is no reason where the journal is the matter.
    eventLoopDelayMs: { connections: 60_000, sends: 60_000 },
    journalAgeMs: { connections: 200, sends: 400 },
    calmMs: 300,
  },
}

const withBusyLoop: ConfigPatch = {
  ...config,
  overload: { ...config.overload, eventLoopDelayMs: { connections: 500, sends: 700 } },
}

/** Keeps the event loop of this process, and so of the node in it, from everything else nearly all the time. */
function keepBusy(t: ExecutionContext): () => void {
  let timer: NodeJS.Timeout | undefined
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  const work = (): void => {
    // Stands still, and leaves the processor to other tests.
    Atomics.wait(nothing, 0, 0, BUSY_MS)
    timer = setTimeout(work)
  }
  work()
  const stop = (): void => clearTimeout(timer)
  t.teardown(stop)
  return stop
}

const loadOf = async ({ url }: TestServer) => {
  const { status, body } = await call<Report>(`${url}/readyz`)
  return { status, ready: body.ready, ...body.checks['load']! }
}

/** Connects, and comes again while the machine makes the event loop late by itself. */
async function connectAtLast(server: TestServer, { token }: RawDevice): Promise<Device> {
  let device: Device | undefined
  await waitUntil('it is let in', async () => {
    await recovered(server)
    device = await Device.connect(server.url, token, { acks: true }).catch(() => undefined)
    return device !== undefined
  })
  return device!
}

const sheds = (server: TestServer, what: RegExp) => async () => what.test((await loadOf(server)).reason ?? '')

const recovered = (server: TestServer) =>
  waitUntil('nothing is refused any more', async () => (await loadOf(server)).state === 'ok', 60_000)

const post = (server: TestServer, { from, to }: Shops, text: string): Promise<Answer<Problem>> =>
  call<Problem>(`${server.url}/messages`, { token: from.token, body: { reciever_ID: to.user, type: 'text', text } })

function isTemporary(t: ExecutionContext, error: { code: string; temporary: boolean; retryAfterMs: number }): void {
  t.like(error, { code: 'OVERLOADED', temporary: true })
  t.true(error.retryAfterMs >= 1_000, `${error.retryAfterMs} ms`)
}

const account = async ({ databaseUrl }: TestServer): Promise<RawDevice> => (await createAccount(databaseUrl))[0]!

/** Two that speak over HTTP. */
interface Shops {
  readonly from: TestAccount
  readonly to: TestAccount
}

async function openShops(server: TestServer): Promise<Shops> {
  const open = (): Promise<TestAccount> => register(server, newPhone(), { hosted: true })
  return { from: await open(), to: await open() }
}

test.serial(
  'a busy event loop refuses connections and sends for now, and lets sessions, receipts and deliveries go on',
  async (t) => {
    const server = await startNode(t, { config: withBusyLoop })
    const [alice, bob, carol] = [await account(server), await account(server), await account(server)]
    const [shops, dave] = [await openShops(server), await account(server)]
    const [a, b] = [await connectAtLast(server, alice), await connectAtLast(server, bob)]
    const before = await a.say(bob, 'before', { first: true })
    await a.say(carol, 'waits', { first: true })
    await b.delivery('before')
    const upgraded = await Device.open(server.url)

    const stop = keepBusy(t)
    await waitUntil('sends are shed', sheds(server, /event loop is \d+ ms late: shedding sends/))
    t.like(await loadOf(server), { status: 200, ready: true, state: 'degraded' })
    const refused = message(bob, 'refused')
    a.send(refused)
    isTemporary(t, await a.refused(refused.id))
    const read = receipt(alice, Kind.READ, [a.all('accepted')[0]!.id])
    b.send(read)
    await b.accepted(read.id)
    await a.receipt(Kind.READ, read.about[0]!)

    const stranger = await RawSocket.open(server.url, PROTO)
    t.is(stranger.status, 503)
    t.regex(stranger.head, /retry-after: [1-9]\d*\r\n/i)
    t.like(JSON.parse(stranger.body), { status: 503, code: 'OVERLOADED' })
    stranger.destroy()
    upgraded.send(connectFrame(dave.token))
    isTemporary(t, await upgraded.waitFor('error'))
    t.is(await upgraded.closing(), CloseCode.OVERLOADED)
    const answer = await post(server, shops, 'over HTTP')
    t.is(answer.status, 503)
    t.is(answer.body.code, 'OVERLOADED')
    t.true(Number(answer.headers.get('retry-after')) >= 1)

    stop()
    await recovered(server)
    const later = message(bob, 'later')
    a.send(later)
    t.is((await a.refused(later.id)).code, 'RESEND_FROM_FIRST')
    await a.say(bob, 'refused', { id: refused.id, first: true })
    await a.say(bob, 'later', { id: later.id })
    t.is((await post(server, shops, 'over HTTP')).status, 201)
    await waitUntil('all is there', () => b.bodies.length === 3)
    t.deepEqual(b.bodies, ['before', 'refused', 'later'])
    const c = await connectAtLast(server, carol)
    await c.caughtUp()
    t.deepEqual(c.bodies, ['waits'])
    t.true(before.messageId > 0n)
    t.deepEqual([a.closed, b.closed], [undefined, undefined])
    const metrics = (await call<string>(`${server.url}/metrics`)).body
    for (const what of ['connection', 'session', 'send', 'request']) {
      t.regex(metrics, new RegExp(`^parley_shed_total\\{what="${what}"\\} [1-9]`, 'm'))
    }
  },
)

test.serial(
  'a journal that is behind refuses what needs a row, keeps what it took, and people who are online go on',
  async (t) => {
    const server = await startNode(t, { config })
    const [alice, bob, carol] = [await account(server), await account(server), await account(server)]
    const a = await Device.connect(server.url, alice.token, { acks: true })
    const b = await Device.connect(server.url, bob.token, { acks: true })
    await a.say(carol, 'before', { first: true })
    await a.say(bob, 'before', { first: true })
    const upgraded = await Device.open(server.url)

    const lock = await MailboxLock.take(t, server.databaseUrl)
    const taken = message(carol, 'taken')
    a.send(taken)
    await waitUntil('sends are shed', sheds(server, /journal 1 is \d+ ms behind: shedding sends/))
    const [refused, next] = [message(carol, 'refused', { first: true }), message(carol, 'next')]
    const unknown = message(await account(server), 'to somebody not looked up')
    a.send(refused, next, unknown)
    const { retryAfterMs } = await a.refused(unknown.id)
    t.true(retryAfterMs >= 1_000)
    // Behind what is under way: it is answered with it.
    t.deepEqual(
      a.all('accepted').filter(({ id }) => id === taken.id || id === refused.id),
      [],
    )
    await a.say(bob, 'live')
    const stranger = await RawSocket.open(server.url, PROTO)
    t.is(stranger.status, 503)
    stranger.destroy()
    upgraded.send(connectFrame(carol.token))
    isTemporary(t, await upgraded.waitFor('error'))

    await lock.release()
    await a.accepted(taken.id)
    isTemporary(t, await a.refused(refused.id))
    await a.refused(next.id)
    await recovered(server)
    await a.say(carol, 'refused', { id: refused.id, first: true })
    await a.say(carol, 'next', { id: next.id })
    const c = await Device.connect(server.url, carol.token, { acks: true })
    await c.caughtUp()
    t.deepEqual(c.bodies, ['before', 'taken', 'refused', 'next'])
    t.deepEqual(b.bodies, ['before', 'live'])
    t.deepEqual([a.closed, b.closed], [undefined, undefined])
  },
)

test.serial(
  'PostgreSQL that stands still: sends are refused at once, the SDK comes again by itself, nothing is lost',
  async (t) => {
    const dataDir = await createDataDir(t)
    const postgres = await EmbeddedPostgres.start({ dataDir })
    t.teardown(() => postgres.stop())
    const levers = new PostgresServer(dataDir)
    t.teardown(() => levers.thaw())
    const server = await startNode(t, {
      databaseUrl: postgres.url,
      config: { overload: { ...config.overload, maxRetryAfterMs: 1_000 } },
    })
    const [alice, bob, shops] = [await account(server), await account(server), await openShops(server)]
    // With keys to encrypt for.
    const before = await Client.open({ url: server.url, token: bob.token, store: memoryStore() })
    await waitUntil('Bob is online', () => before.connection.phase === 'online')
    await before.close()
    const a = await Client.open({ url: server.url, token: alice.token, store: memoryStore() })
    t.teardown(() => a.close())
    await a.whenAccepted(a.sendText(bob.user, 'before'))
    t.is((await post(server, shops, 'before')).status, 201)

    await levers.freeze()
    const sent = Array.from({ length: 20 }, (_, i) => a.sendText(bob.user, `message ${i}`))
    await waitUntil('sends are shed', sheds(server, /journal 1 is \d+ ms behind: shedding sends/))
    const answer = await post(server, shops, 'frozen')
    t.is(answer.status, 503)
    t.is(answer.body.code, 'OVERLOADED')
    sent.push(a.sendText(bob.user, 'message 20'))
    t.is(a.connection.phase, 'online')
    await levers.thaw()

    for (const one of sent) await a.whenAccepted(one)
    await recovered(server)
    t.is(a.connection.phase, 'online')
    const b = await Device.connect(server.url, bob.token, { acks: true })
    await b.caughtUp()
    const own = b.all('deliver').filter(({ envelope }) => envelope.kind === Kind.MESSAGE)
    const shown = new Set(own.map(({ envelope }) => envelope.id))
    t.deepEqual(
      [...shown].slice(1),
      sent.map(({ id }) => id),
    )
  },
)

test.serial('one of two databases that is behind refuses its own users only', async (t) => {
  const databaseUrls = [await createTestDatabase(t), await createTestDatabase(t)]
  const server = await startNode(t, { config, env: { DATABASE_URLS: databaseUrls.join() } })
  const shards = new Shards(databaseUrls)
  const userOf = async (shard: number): Promise<RawDevice> => {
    for (;;) {
      const user = newUser()
      if (shards.indexOf(user) === shard) return (await createAccount(databaseUrls[shard]!, { user }))[0]!
    }
  }
  const [alice, late, fine] = [await userOf(1), await userOf(0), await userOf(1)]
  const a = await Device.connect(server.url, alice.token, { acks: true })
  await a.say(late, 'before', { first: true })
  await a.say(fine, 'before', { first: true })

  const lock = await MailboxLock.take(t, databaseUrls[0]!)
  const taken = message(late, 'taken')
  a.send(taken)
  await waitUntil('the first journal is behind', sheds(server, /^journal 1 is \d+ ms behind: shedding sends$/))
  await a.say(fine, 'goes on')
  const f = await Device.connect(server.url, fine.token, { acks: true })
  await f.caughtUp()
  t.deepEqual(f.bodies, ['before', 'goes on'])
  const locked = await Device.open(server.url)
  locked.send(connectFrame(late.token))
  isTemporary(t, await locked.waitFor('error'))
  t.is(await locked.closing(), CloseCode.OVERLOADED)
  await lock.release()
  await a.accepted(taken.id)
  await recovered(server)
  const l = await Device.connect(server.url, late.token)
  await l.caughtUp()
  t.deepEqual(l.bodies, ['before', 'taken'])
})
