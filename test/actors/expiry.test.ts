import { randomUUID } from 'node:crypto'
import test from 'ava'
import { Kind } from '../../proto/frames.ts'
import { findExpired, FIRST_ROW, surveyExpired } from '../../src/storage/expired-rows.ts'
import type { RowKey } from '../../src/storage/expired-rows.ts'
import { TestClock } from '../helpers/clock.ts'
import { openDatabase, queryDatabase, turnDatabaseClock } from '../helpers/database.ts'
import { message, receipt } from '../helpers/device.ts'
import { countRows, withClient } from '../helpers/raw-accounts.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'
import type { TestNode } from '../helpers/raw-nodes.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const DAY_MS = 24 * 3_600_000
const scope = new FileScope()
const clock = new TestClock()
let node: TestNode

/** Time passes for the database, and for the node. */
async function turn(ms: number): Promise<void> {
  clock.advance(ms)
  await turnDatabaseClock(node.databaseUrl, clock.aheadMs)
}

test.before(async () => {
  const nodes = await startNodes(scope, 1, { clocks: [clock], config: { stamps: { aheadMs: 400 * DAY_MS } } })
  node = nodes[0]!
})
test.after.always(() => scope.end())

test.serial('a message whose time is over goes back to its sender as EXPIRED, and others stay', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice)
  const short = await a.say(bob, 'short', { ttl: 60 })
  await a.say(bob, 'long')
  await turn(59_000)
  t.is(await node.core.sweepExpired(), 0)
  await turn(2_000)
  t.is(await node.core.sweepExpired(), 1)
  const { envelope } = await a.receipt(Kind.EXPIRED, short.id)
  t.deepEqual(envelope.from, { user: bob.user, device: 1 })
  t.is(await countRows(node.databaseUrl, bob), 1)
  const b = await connectTo(node, bob)
  await b.caughtUp()
  t.deepEqual(b.bodies, ['long'])
})

test.serial('what expired and was not yet swept is not delivered, but goes back when its device comes', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice)
  const gone = await a.say(bob, 'gone', { ttl: 60 })
  await a.say(bob, 'stays')
  await turn(61_000)
  const b = await connectTo(node, bob)
  await b.caughtUp()
  t.deepEqual(b.bodies, ['stays'])
  await a.receipt(Kind.EXPIRED, gone.id)
  await waitUntil('its row is gone', async () => (await countRows(node.databaseUrl, bob)) === 1)
  t.is(b.all('deliver')[0]?.seq, 1)
})

test.serial('no message waits longer than the server keeps them', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice)
  const forever = await a.say(bob, 'for ever', { ttl: 4_000_000_000 })
  await turn(29 * DAY_MS)
  await node.core.sweepExpired()
  t.is(await countRows(node.databaseUrl, bob), 1)
  await turn(2 * DAY_MS)
  await node.core.sweepExpired()
  await a.receipt(Kind.EXPIRED, forever.id)
  t.is(await countRows(node.databaseUrl, bob), 0)
})

test.serial('receipts expire without a word', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const b = await connectTo(node, bob)
  const read = receipt(alice, Kind.READ, [randomUUID()])
  b.send(read)
  await b.accepted(read.id)
  t.is(await countRows(node.databaseUrl, alice), 1)
  await turn(31 * DAY_MS)
  t.true((await node.core.sweepExpired()) >= 1)
  t.is(await countRows(node.databaseUrl, alice), 0)
  await b.settled()
  t.deepEqual(b.all('deliver'), [])
})

test.serial('an expired message of a sender that is gone goes too', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice)
  await a.say(bob, 'orphan', { ttl: 60 })
  await withClient(node.databaseUrl, (client) => client.query('DELETE FROM users WHERE user_id = $1', [alice.user]))
  node.core.directory.forget(alice.address.user)
  await turn(61_000)
  t.is(await node.core.sweepExpired(), 1)
  t.is(await countRows(node.databaseUrl, bob), 0)
})

test.serial('a sender that is offline finds EXPIRED in its mailbox', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice)
  const { id } = await a.say(bob, 'in vain', { ttl: 60 })
  a.close()
  await a.closing()
  await waitUntil('the actor is gone', () => node.core.residents.find(alice.address) === undefined)
  await turn(61_000)
  t.is(await node.core.sweepExpired(), 1)
  t.is(await countRows(node.databaseUrl, alice), 1)
  const back = await connectTo(node, alice, { acks: true })
  await back.receipt(Kind.EXPIRED, id)
  await waitUntil('the row is gone', async () => (await countRows(node.databaseUrl, alice)) === 0)
})

test.serial('a message is not expired in the hands of a device that has not acknowledged it yet', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice, { acks: true })
  const b = await connectTo(node, bob)
  const frame = message(bob, 'slowly', { ttl: 60, first: true })
  a.send(frame)
  const { seq } = await b.delivery('slowly')
  await a.accepted(frame.id)
  await turn(61_000)
  b.ack(seq)
  await a.receipt(Kind.DELIVERED, frame.id)
  t.false(a.all('deliver').some(({ envelope }) => envelope.kind === Kind.EXPIRED))
})

test.serial('a hosted mailbox is read without what has expired and cannot go back now', async (t) => {
  const late = new TestClock()
  const [other] = await startNodes(t, 1, { clocks: [late], config: { stamps: { aheadMs: 3_600_000 } } })
  const [alice, bob] = [await newDevice(other!), await newDevice(other!)]
  const a = await connectTo(other!, alice)
  for (let i = 0; i < 3; i++) await a.say(bob, `gone ${i}`, { ttl: 60, first: true })
  const kept = await a.say(bob, 'kept')
  // Beyond its claim the node stamps nothing, so it can tell no sender; and it gets no other.
  await queryDatabase(other!.databaseUrl, 'ALTER TABLE node_numbers RENAME TO hidden')
  late.advance(7_200_000)
  await turnDatabaseClock(other!.databaseUrl, late.aheadMs)
  for (const limit of [1, 3, 10]) {
    const { envelopes, more } = await other!.core.hosted.read(bob.address, limit)
    t.deepEqual(
      envelopes.map(({ id }) => id),
      limit >= 3 ? [kept.id] : [],
    )
    t.is(more, limit !== 10)
  }
  t.is(await countRows(other!.databaseUrl, bob), 4)
})

test.serial('what expires between a survey and the look at the rows is not ended before the next survey', async (t) => {
  const [alice, bob] = [await newDevice(node), await newDevice(node)]
  const a = await connectTo(node, alice)
  await a.say(bob, 'short', { ttl: 60 })
  const database = await openDatabase(node.databaseUrl)
  t.teardown(() => database.close())
  let surveys = 0
  const sweep = (mayEnd: () => boolean) => {
    const survey = async (): Promise<number> => {
      const { expired } = await surveyExpired(database.pool)
      if (++surveys === 1) await turn(61_000)
      return expired
    }
    const find = (after: RowKey) => findExpired(database.pool, after, 100)
    return node.core.returns.sweep({ survey, find, mayEnd }, FIRST_ROW, 10)
  }
  t.is((await sweep(() => surveys === 1)).ended, 0)
  t.is(surveys, 2)
  t.is(await countRows(node.databaseUrl, bob), 1)
  t.is((await sweep(() => true)).ended, 1)
})
