import test from 'ava'
import { TestClock } from '../helpers/clock.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { connectFrame, Device, message } from '../helpers/device.ts'
import { countRows } from '../helpers/raw-accounts.ts'
import { MailboxLock } from '../helpers/raw-lock.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'
import type { TestNode } from '../helpers/raw-nodes.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const scope = new FileScope()
const ahead = new TestClock()
ahead.advance(4_000)
let one: TestNode
/** Its clock is four seconds ahead. */
let two: TestNode

test.before(async () => {
  const nodes = await startNodes(scope, 2, { clocks: [new TestClock(), ahead] })
  one = nodes[0]!
  two = nodes[1]!
})
test.after.always(() => scope.end())

test.serial(
  'a send that finds nobody while its recipient subscribes elsewhere is not passed by the next one',
  async (t) => {
    const [alice, bob] = [await newDevice(one), await newDevice(one)]
    const a = await connectTo(one, alice)
    one.bus.hold('answer')
    a.send(message(bob, 'one', { first: true }))
    await one.bus.holds('answer')
    const b = await connectTo(two, bob)
    await b.caughtUp()
    a.send(message(bob, 'two'))
    await a.settled()
    t.deepEqual(b.bodies, [])
    one.bus.release('answer')
    await b.delivery('two')
    t.deepEqual(b.bodies, ['one', 'two'])
  },
)

for (const [where, node] of [
  ['the same node', () => one],
  ['another node after a reconnect', () => two],
] as const) {
  test.serial(`a message whose wake is late is displayed before the next one, sent from ${where}`, async (t) => {
    const [alice, bob] = [await newDevice(one), await newDevice(one)]
    const a = await connectTo(one, alice)
    one.bus.hold('answer')
    const first = message(bob, 'one', { first: true })
    a.send(first)
    await one.bus.holds('answer')
    const b = await connectTo(two, bob)
    await b.caughtUp()
    one.bus.hold('wake')
    one.bus.release('answer')
    const { messageId } = await a.accepted(first.id)
    await one.bus.holds('wake')
    t.deepEqual(b.bodies, [])
    const next = node() === one ? a : await connectTo(node(), alice, { lastMessageId: messageId })
    await next.say(bob, 'two', { first: true })
    await b.delivery('two')
    t.deepEqual(b.bodies, ['one', 'two'])
    one.bus.release('wake')
    await next.say(bob, 'three')
    await b.delivery('three')
    t.deepEqual(b.bodies, ['one', 'two', 'three'])
  })
}

test.serial('what a closing actor had not looked at is stored for the next session, in order', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b = await connectTo(two, bob)
  await a.say(bob, 'zero', { first: true })
  b.ack()
  const actor = two.core.residents.find(bob.address)!
  one.bus.hold('batch')
  const frames = ['one', 'two', 'three'].map((body) => message(bob, body))
  a.send(frames[0]!)
  await one.bus.holds('batch')
  a.send(frames[1]!)
  // The batch is in the inbox of the actor when it closes, and no turn has come.
  one.bus.release('batch')
  await Promise.resolve()
  void actor.close(CloseCode.SERVER_ERROR)
  a.send(frames[2]!)
  for (const { id } of frames) await a.accepted(id)
  t.is(await b.closing(), CloseCode.SERVER_ERROR)
  const next = await connectTo(two, bob)
  await next.delivery('three')
  t.deepEqual(next.bodies.slice(-3), ['one', 'two', 'three'])
})

test.serial('a message appended while the backlog is read comes before the next one, without a poll', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const lock = await MailboxLock.take(t, one.databaseUrl, { readers: true })
  const b = await Device.open(one.url)
  b.send(connectFrame(bob.token))
  await lock.blocks(1)
  const frames = [message(bob, 'one', { first: true }), message(bob, 'two')] as const
  a.send(frames[0])
  await lock.blocks(2)
  await lock.admitReaders()
  await b.connected()
  a.send(frames[1])
  await a.settled()
  t.deepEqual(b.bodies, [])
  await lock.release()
  await b.delivery('two')
  t.deepEqual(b.bodies, ['one', 'two'])
  await a.accepted(frames[1].id)
})

test.serial('a sender that moves to a node whose clock is behind keeps its order', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const fast = await connectTo(two, alice)
  const { messageId } = await fast.say(bob, 'one', { first: true })
  const slow = await connectTo(one, alice, { lastMessageId: messageId })
  const second = await slow.say(bob, 'two', { first: true })
  t.true(second.messageId > messageId)
  const b = await connectTo(one, bob)
  await b.caughtUp()
  t.deepEqual(b.bodies, ['one', 'two'])
})

test.serial('a highest message id of the far future is ignored', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const nextYear = BigInt(Date.now() + 366 * 24 * 3_600_000) << 22n
  for (const lastMessageId of [nextYear, 2n ** 64n - 1n]) {
    const a = await connectTo(one, alice, { lastMessageId })
    const { at } = await a.say(bob, 'now', { first: true })
    t.true(at < Date.now() + 10_000)
  }
})

test.serial('a missed wake is repaired by the poll, while the device receives other messages', async (t) => {
  const [alice, bob, carol] = [await newDevice(one), await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const c = await connectTo(two, carol)
  one.bus.hold('answer')
  const missed = message(bob, 'missed', { first: true })
  a.send(missed)
  await one.bus.holds('answer')
  const b = await connectTo(two, bob, { acks: true })
  await b.caughtUp()
  await c.say(bob, 'live 1', { first: true })
  one.bus.hold('wake')
  one.bus.release('answer')
  await a.accepted(missed.id)
  await one.bus.holds('wake')
  one.bus.drop('wake')
  await c.say(bob, 'live 2')
  await b.delivery('live 2')
  t.deepEqual(b.bodies, ['live 1', 'live 2'])
  await two.core.poll()
  await b.delivery('missed')
})

test.serial('a wake that could not be sent is sent when the bus is back', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b = await connectTo(two, bob)
  await b.caughtUp()
  one.bus.cut()
  await a.say(bob, 'while cut off', { first: true })
  await b.settled()
  t.deepEqual(b.bodies, [])
  one.bus.mend()
  await b.delivery('while cut off')
  await a.say(bob, 'after it')
  await b.delivery('after it')
  t.deepEqual(b.bodies, ['while cut off', 'after it'])
})

test.serial('caughtUp comes once, also under arrivals that are faster than the acknowledgements', async (t) => {
  const [node] = await startNodes(t, 1, { config: { mailbox: { windowEnvelopes: 4 } } })
  const [alice, bob] = [await newDevice(node!), await newDevice(node!)]
  const a = await connectTo(node!, alice)
  let sent = 0
  const say = () => a.say(bob, String(sent++))
  for (let i = 0; i < 10; i++) await say()
  const b = await connectTo(node!, bob)
  const { pending } = await b.connected()
  t.is(pending, 10)
  for (let acked = 1; b.all('caughtUp').length === 0; acked++) {
    t.true(acked <= 12, 'no caughtUp after the backlog')
    await say()
    await say()
    await waitUntil('the next one is delivered', () => b.bodies.length >= acked)
    b.ack(acked)
    await waitUntil('the window is refilled', () => b.bodies.length >= acked + 4)
  }
  const at = b.frames.findIndex(({ type }) => type === 'caughtUp')
  t.true(b.frames.slice(0, at).filter(({ type }) => type === 'deliver').length >= 10)
  t.true(sent > b.bodies.length)
  b.acks = true
  b.ack()
  await waitUntil('all are delivered', () => b.bodies.length === sent)
  t.deepEqual(
    b.bodies,
    Array.from({ length: sent }, (_, i) => String(i)),
  )
  t.is(b.all('caughtUp').length, 1)
})

test.serial('caughtUp comes while acknowledged rows cannot be deleted yet', async (t) => {
  const [node] = await startNodes(t, 1, { config: { mailbox: { windowEnvelopes: 4 } } })
  const [alice, bob] = [await newDevice(node!), await newDevice(node!)]
  const a = await connectTo(node!, alice, { acks: true })
  for (let i = 0; i < 10; i++) await a.say(bob, String(i))
  const lock = await MailboxLock.take(t, node!.databaseUrl)
  const b = await connectTo(node!, bob, { acks: true })
  await b.caughtUp()
  t.is(b.bodies.length, 10)
  t.is(await countRows(node!.databaseUrl, bob), 10)
  await lock.release()
  await waitUntil('the rows are gone', async () => (await countRows(node!.databaseUrl, bob)) === 0)
  t.is(new Set(b.bodies).size, b.bodies.length)
})
