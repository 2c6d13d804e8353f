import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import { encodePresenceState } from '../../src/transport/presence-protocol.ts'
import { subjects } from '../../src/transport/subjects.ts'
import type { UserId } from '../../src/shared/ids.ts'
import { createTestDatabase } from '../helpers/database.ts'
import type { Device } from '../helpers/device.ts'
import { text } from '../helpers/device.ts'
import { countRows, createAccount, newUser, withClient } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { testConfig } from '../helpers/raw-config.ts'
import { startCore } from '../helpers/raw-core.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'
import type { TestNode } from '../helpers/raw-nodes.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const scope = new FileScope()
let one: TestNode
let two: TestNode

/** Nodes that take every session, however busy this machine is. */
const CALM = { overload: { eventLoopDelayMs: { connections: 60_000, sends: 60_000 } } }
/** Those that notice a silent one soon. */
const ALERT = { ...CALM, presence: { heartbeatMs: 50, silentMs: 150, lastSeenFlushMs: 50 } }

test.before(async () => {
  const nodes = await startNodes(scope, 2, { config: CALM })
  one = nodes[0]!
  two = nodes[1]!
})
test.after.always(() => scope.end())

const told = (device: Device, user: number) => device.all('presence').filter((frame) => frame.user === user)

/** Watches a user, and waits for the first word. */
async function watch(watcher: Device, { user }: { readonly user: number }) {
  watcher.send({ type: 'watch', users: [user] })
  return watcher.waitFor('presence', (frame) => frame.user === user)
}

const until = (watcher: Device, { user }: { readonly user: number }, online: boolean) =>
  waitUntil(`${user} is ${online ? 'online' : 'offline'}`, () => told(watcher, user).at(-1)?.online === online)

async function storedLastSeen({ databaseUrl }: TestNode, { user }: RawDevice): Promise<number> {
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ at: string | null }>('SELECT last_seen_at AS at FROM users WHERE user_id = $1', [user]),
  )
  return Number(rows[0]!.at ?? 0)
}

test.serial('a watcher on another node is told how it is now and of every change', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b = await connectTo(two, bob)
  t.deepEqual(await watch(a, bob), { type: 'presence', user: bob.user, online: true, lastSeen: 0 })
  const before = Date.now()
  b.close()
  await until(a, bob, false)
  const { lastSeen } = told(a, bob.user).at(-1)!
  t.true(lastSeen >= before && lastSeen <= Date.now())
  await connectTo(two, bob)
  await until(a, bob, true)
  t.is(told(a, bob.user).length, 3)
})

test.serial('a user with devices on two nodes is online until the last of them goes, whichever that is', async (t) => {
  for (const [first, last] of [
    [one, two],
    [two, one],
  ] as const) {
    const alice = await newDevice(one)
    const [phone, laptop] = await createAccount(one.databaseUrl, { devices: 2 })
    const a = await connectTo(one, alice)
    const b1 = await connectTo(first, phone!)
    const b2 = await connectTo(last, laptop!)
    t.true((await watch(a, phone!)).online)
    b1.close()
    const other = await connectTo(one, await newDevice(one))
    t.true((await watch(other, phone!)).online)
    await b1.closing()
    await b2.settled()
    await a.settled()
    b2.close()
    await until(a, phone!, false)
    t.deepEqual(
      told(a, phone!.user).map(({ online }) => online),
      [true, false],
    )
  }
})

test.serial('a device that moves to another node leaves its user online', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b1 = await connectTo(one, bob, { number: 1 })
  t.true((await watch(a, bob)).online)
  const b2 = await connectTo(two, bob, { number: 2 })
  await b1.closing()
  await b2.settled()
  await until(a, bob, true)
  b2.close()
  await until(a, bob, false)
})

test.serial('everybody who watches is told, on each node, until they watch no more', async (t) => {
  const bob = await newDevice(one)
  const watchers = [
    await connectTo(one, await newDevice(one)),
    await connectTo(one, await newDevice(one)),
    await connectTo(two, await newDevice(one)),
  ]
  for (const watcher of watchers) t.false((await watch(watcher, bob)).online)
  watchers[1]!.send({ type: 'unwatch', users: [bob.user] })
  await watchers[1]!.settled()
  await connectTo(two, bob)
  await until(watchers[0]!, bob, true)
  await until(watchers[2]!, bob, true)
  await watchers[1]!.settled()
  t.is(told(watchers[1]!, bob.user).length, 1)
})

test.serial('to watch again is to ask again', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  await connectTo(two, bob)
  await watch(a, bob)
  a.send({ type: 'watch', users: [bob.user] })
  await waitUntil('the answer comes again', () => told(a, bob.user).length === 2)
  t.true(told(a, bob.user).every(({ online }) => online))
})

test.serial('a node that dies without a word takes its users offline in the eyes of the others', async (t) => {
  const [alive, dying] = (await startNodes(t, 2, { config: ALERT })) as [TestNode, TestNode]
  const [alice, bob, carol] = [await newDevice(alive), await newDevice(alive), await newDevice(alive)]
  const a = await connectTo(alive, alice)
  await connectTo(dying, bob)
  await connectTo(alive, carol)
  t.true((await watch(a, bob)).online)
  t.true((await watch(a, carol)).online)
  const before = Date.now()
  await dying.bus.close()
  await until(a, bob, false)
  const { lastSeen } = told(a, bob.user).at(-1)!
  t.true(lastSeen > 0 && lastSeen <= Date.now())
  // The dead node could not write it.
  await waitUntil('it is written', async () => (await storedLastSeen(alive, bob)) === lastSeen)
  t.true(before - lastSeen < 60_000)
  await a.settled()
  t.deepEqual(
    told(a, carol.user).map(({ online }) => online),
    [true],
  )
})

test.serial('a node that was silent for a while is believed again', async (t) => {
  const [watching, other] = (await startNodes(t, 2, { config: ALERT })) as [TestNode, TestNode]
  const [alice, bob] = [await newDevice(watching), await newDevice(watching)]
  const a = await connectTo(watching, alice)
  const b = await connectTo(other, bob)
  t.true((await watch(a, bob)).online)
  other.bus.hold('other')
  await until(a, bob, false)
  other.bus.drop('other')
  await until(a, bob, true)
  b.close()
  await until(a, bob, false)
})

test.serial('a node that drains takes its users offline at once, and says goodbye', async (t) => {
  const [watching, draining] = (await startNodes(t, 2, { config: CALM })) as [TestNode, TestNode]
  const [alice, bob] = [await newDevice(watching), await newDevice(watching)]
  const a = await connectTo(watching, alice)
  await connectTo(draining, bob)
  t.true((await watch(a, bob)).online)
  const before = Date.now()
  await draining.core.drain({ batch: 10, intervalMs: 1, code: CloseCode.DRAINING, reconnectAfterMs: 1 })
  await until(a, bob, false)
  t.true(told(a, bob.user).at(-1)!.lastSeen >= before)
})

test.serial('the goodbye of a node ends what was said of its users before', async (t) => {
  // Its silence would not be noticed here.
  const config = { ...CALM, presence: { silentMs: 3_600_000 } }
  const [watching, leaving] = (await startNodes(t, 2, { config })) as [TestNode, TestNode]
  const [alice, bob] = [await newDevice(watching), await newDevice(watching)]
  const a = await connectTo(watching, alice)
  await connectTo(leaving, bob)
  t.true((await watch(a, bob)).online)
  leaving.core.presence.stop()
  await until(a, bob, false)
  t.pass()
})

test.serial('changes that a node missed are found when its bus is back', async (t) => {
  const [watching, other] = (await startNodes(t, 2, { config: CALM })) as [TestNode, TestNode]
  const [alice, bob, carol] = [await newDevice(watching), await newDevice(watching), await newDevice(watching)]
  const a = await connectTo(watching, alice)
  const b = await connectTo(other, bob)
  t.true((await watch(a, bob)).online)
  t.false((await watch(a, carol)).online)
  other.bus.hold('other')
  b.close()
  await b.closing()
  await connectTo(other, carol)
  other.bus.drop('other')
  t.is(told(a, bob.user).length, 1)
  watching.bus.cut()
  watching.bus.mend()
  await until(a, bob, false)
  await until(a, carol, true)
})

test.serial('changes on a node whose bus is away are told when it is back', async (t) => {
  const [watching, other] = (await startNodes(t, 2, { config: CALM })) as [TestNode, TestNode]
  const [alice, bob, carol] = [await newDevice(watching), await newDevice(watching), await newDevice(watching)]
  const a = await connectTo(watching, alice)
  const b = await connectTo(other, bob)
  t.true((await watch(a, bob)).online)
  t.false((await watch(a, carol)).online)
  other.bus.cut()
  b.close()
  await connectTo(other, carol)
  other.bus.mend()
  await until(a, bob, false)
  await until(a, carol, true)
  t.true(told(a, bob.user).at(-1)!.lastSeen > 0)
})

test.serial(
  'without a bus a user of the same node is seen, others are offline, and all is put right afterwards',
  async (t) => {
    const [alone, other] = (await startNodes(t, 2, { config: CALM })) as [TestNode, TestNode]
    const [alice, bob, carol] = [await newDevice(alone), await newDevice(alone), await newDevice(alone)]
    const a = await connectTo(alone, alice)
    await connectTo(alone, bob)
    await connectTo(other, carol)
    alone.bus.cut()
    t.true((await watch(a, bob)).online)
    t.false((await watch(a, carol)).online)
    alone.bus.mend()
    await until(a, carol, true)
  },
)

test.serial('a node hears of a user only while a session watches, and once for all sessions', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const hub = new LocalBusHub()
  const node = await startCore(t, { databaseUrl, bus: hub.connect(60_000), config: CALM })
  const bob = (await createAccount(databaseUrl))[0]!
  const ears = () => hub.find(subjects.presence(bob.user as UserId)).length
  const [a, b] = [await connectTo(node, await newDevice(node)), await connectTo(node, await newDevice(node))]
  t.is(ears(), 0)
  await watch(a, bob)
  await watch(b, bob)
  t.is(ears(), 1)
  a.send({ type: 'unwatch', users: [bob.user] })
  await a.settled()
  t.is(ears(), 1)
  b.close()
  await waitUntil('nobody is heard', () => ears() === 0)
})

test.serial('what is older than what is known, or cannot be read, changes nothing', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const hub = new LocalBusHub()
  const node = await startCore(t, { databaseUrl, bus: hub.connect(60_000), config: CALM })
  const other = hub.connect(60_000)
  const bob = (await createAccount(databaseUrl))[0]!
  const a = await connectTo(node, await newDevice(node))
  t.false((await watch(a, bob)).online)
  const say = (data: Uint8Array) => other.publish(subjects.presence(bob.user as UserId), data)
  say(encodePresenceState({ node: 'n2', change: 7, online: true, lastSeen: 0 }))
  await until(a, bob, true)
  say(encodePresenceState({ node: 'n2', change: 6, online: false, lastSeen: 0 }))
  say(Uint8Array.of(10, 200))
  say(encodePresenceState({ node: 'not a name', change: 9, online: false, lastSeen: 0 }))
  other.publish(subjects.node('n2'), Uint8Array.of(255))
  await a.settled()
  t.is(told(a, bob.user).length, 2)
  say(encodePresenceState({ node: 'n2', change: 8, online: false, lastSeen: 5 }))
  await until(a, bob, false)
  t.is(told(a, bob.user).at(-1)!.lastSeen, 5)
  t.deepEqual(node.faults, [])
})

test.serial('typing reaches the devices of another node, and is dropped when they are away', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const typing = { type: 'signal', to: { user: bob.user, device: 0 }, payload: text('typing') } as const
  a.send(typing)
  await a.settled()
  const b = await connectTo(two, bob)
  a.send(typing, { ...typing, to: { user: bob.user, device: 1 } })
  await waitUntil('both have come', () => b.all('signal').length === 2)
  t.deepEqual(b.all('signal')[0]!.from, { user: alice.user, device: 1 })
  b.close()
  await b.closing()
  a.send(typing)
  await a.settled()
  t.is(await countRows(one.databaseUrl, bob), 0)
  const again = await connectTo(two, bob)
  await again.caughtUp()
  t.deepEqual(again.all('signal'), [])
  t.deepEqual(a.all('error'), [])
})

test.serial('when a user was last seen outlives the node, and the latest time counts', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const bob = (await createAccount(databaseUrl))[0]!
  const node = await startCore(t, { databaseUrl, config: CALM })
  const before = Date.now()
  const b = await connectTo(node, bob)
  b.close()
  await b.closing()
  await waitUntil('the session is gone', async () => {
    const a = await connectTo(node, await newDevice(node))
    return !(await watch(a, bob)).online
  })
  await node.messaging.drain()
  const next = await startCore(t, { databaseUrl, config: CALM })
  const a = await connectTo(next, await newDevice(next))
  const { online, lastSeen } = await watch(a, bob)
  t.false(online)
  t.true(lastSeen >= before && lastSeen <= Date.now())
  next.core.presence.nodeGone('n2', new Set([bob.user as UserId]), lastSeen - 1_000)
  t.is((await watch(await connectTo(next, await newDevice(next)), bob)).lastSeen, lastSeen)
})

test.serial('a thousand users who leave at once cost few statements', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const users = Array.from({ length: 1_000 }, () => newUser())
  await withClient(databaseUrl, async (client) => {
    await client.query('INSERT INTO users (user_id) SELECT unnest($1::bigint[])', [users])
    await client.query(`
      CREATE TABLE statements (at timestamptz NOT NULL DEFAULT now());
      CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN INSERT INTO statements DEFAULT VALUES; RETURN NULL; END';
      CREATE TRIGGER count_statement AFTER UPDATE ON users FOR EACH STATEMENT EXECUTE FUNCTION count_statement()`)
  })
  const node = await startCore(t, { databaseUrl, config: { presence: { lastSeenFlushUsers: 400 } } })
  const before = Date.now()
  for (const user of users) node.core.presence.online({ user, device: 1 as never })
  for (const user of users) node.core.presence.offline({ user, device: 1 as never })
  const count = (query: string) =>
    withClient(databaseUrl, async (client) => {
      const { rows } = await client.query<{ count: number }>(query)
      return rows[0]!.count
    })
  await waitUntil('all are written', async () => {
    return (await count(`SELECT count(*)::int FROM users WHERE last_seen_at >= ${before}`)) === users.length
  })
  t.true((await count('SELECT count(*)::int FROM statements')) <= 4)
})

test.serial('while the database is away a user is unknown, and is looked up again later', async (t) => {
  const [node, other] = (await startNodes(t, 2, { config: ALERT })) as [TestNode, TestNode]
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice)
  await connectTo(other, bob)
  await withClient(node.databaseUrl, (client) => client.query('ALTER TABLE contacts RENAME TO mislaid'))
  t.deepEqual(await watch(a, bob), { type: 'presence', user: bob.user, online: false, lastSeen: 0 })
  t.regex(node.faults[0]!, /looking up presence/)
  await withClient(node.databaseUrl, (client) => client.query('ALTER TABLE mislaid RENAME TO contacts'))
  await until(a, bob, true)
})

test.serial('a choice made while the bus is away takes effect when it is back, for both sides', async (t) => {
  const [watching, other] = (await startNodes(t, 2, { config: ALERT })) as [TestNode, TestNode]
  const [alice, bob] = [await newDevice(watching), await newDevice(watching)]
  const a = await connectTo(watching, alice)
  const b = await connectTo(other, bob)
  t.true((await watch(a, bob)).online)
  t.true((await watch(b, alice)).online)
  for (const [choice, online] of [
    ['nobody', false],
    ['everyone', true],
  ] as const) {
    other.bus.cut()
    await withClient(watching.databaseUrl, (client) =>
      client.query('UPDATE users SET last_seen_to = $2 WHERE user_id = $1', [alice.user, choice]),
    )
    other.core.presence.privacyChanged(alice.user as UserId)
    await until(b, alice, online)
    other.bus.mend()
    await until(a, bob, online)
  }
  t.pass()
})

test.serial('what was lost on the way is found out before long', async (t) => {
  const config = { ...CALM, presence: { heartbeatMs: 50, silentMs: 60_000, refreshMs: 200 } }
  const [watching, other] = (await startNodes(t, 2, { config })) as [TestNode, TestNode]
  const [alice, bob, carol] = [await newDevice(watching), await newDevice(watching), await newDevice(watching)]
  const a = await connectTo(watching, alice)
  const b = await connectTo(other, bob)
  t.true((await watch(a, bob)).online)
  t.false((await watch(a, carol)).online)
  other.bus.hold('other')
  b.close()
  await b.closing()
  await connectTo(other, carol)
  await until(a, bob, false)
  await until(a, carol, true)
  other.bus.drop('other')
  t.pass()
})

test.serial('users beyond the limit are not watched, and the refusal says when to come again', async (t) => {
  const limits = { ...testConfig('postgres://x/x').limits, watch: { burst: 2, perSecond: 0.1 } }
  const [node] = (await startNodes(t, 1, { config: { ...CALM, limits } })) as [TestNode]
  const a = await connectTo(node, await newDevice(node))
  a.send({ type: 'watch', users: [newUser(), newUser(), newUser()] })
  const error = await a.waitFor('error')
  t.like(error, { code: 'RATE_LIMITED', temporary: true })
  t.true(error.retryAfterMs > 0)
  await waitUntil('two are told', () => a.all('presence').length === 2)
})

test.serial('a node keeps so many watches in all', async (t) => {
  const [node] = (await startNodes(t, 1, { config: { ...CALM, presence: { maxWatches: 2 } } })) as [TestNode]
  const [a, b] = [await connectTo(node, await newDevice(node)), await connectTo(node, await newDevice(node))]
  const [bob, carol] = [newUser(), newUser()]
  await watch(a, { user: bob })
  await watch(b, { user: bob })
  a.send({ type: 'watch', users: [carol] })
  t.is((await a.waitFor('error')).code, 'OVERLOADED')
  b.close()
  await b.closing()
  await waitUntil('there is room again', async () => {
    a.send({ type: 'watch', users: [carol] })
    await a.settled()
    return told(a, carol).length > 0
  })
})
