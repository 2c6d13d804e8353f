import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { createToken, hashToken } from '../../src/storage/token.ts'
import { connectFrame, Device, message } from '../helpers/device.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'
import type { TestNode } from '../helpers/raw-nodes.ts'
import { withClient } from '../helpers/raw-accounts.ts'
import { MailboxLock } from '../helpers/raw-lock.ts'
import { FileScope } from '../helpers/raw-scope.ts'

const scope = new FileScope()
let one: TestNode
let two: TestNode
/** Two nodes that do not wait long for an older actor. */
let hasty: readonly [TestNode, TestNode]

test.before(async () => {
  const nodes = await startNodes(scope, 2, { config: { mailbox: { takeOverTimeoutMs: 60_000 } } })
  one = nodes[0]!
  two = nodes[1]!
  const others = await startNodes(scope, 2, { config: { mailbox: { takeOverTimeoutMs: 200 } } })
  hasty = [others[0]!, others[1]!]
})
test.after.always(() => scope.end())

test.serial('a device that moves between nodes takes its mailbox along, there and back', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b1 = await connectTo(one, bob, { number: 1 })
  await a.say(bob, 'one')
  await b1.delivery('one')
  const b2 = await connectTo(two, bob, { number: 2 })
  t.is(await b1.closing(), CloseCode.REPLACED)
  await b2.delivery('one')
  b2.ack()
  await a.say(bob, 'two')
  const b3 = await connectTo(one, bob, { number: 3 })
  t.is(await b2.closing(), CloseCode.REPLACED)
  await b3.delivery('two')
  await a.say(bob, 'three')
  await b3.delivery('three')
  t.deepEqual(b2.bodies, ['one', 'two'])
  t.deepEqual(b3.bodies.slice(-2), ['two', 'three'])
})

test.serial('a take-over with a lower number is answered superseded, and its own session closes', async (t) => {
  const bob = await newDevice(one)
  one.bus.hold('takeOver')
  const late = await Device.open(one.url)
  late.send(connectFrame(bob.token, { number: 1 }))
  await one.bus.holds('takeOver')
  const newer = await connectTo(two, bob, { number: 2 })
  one.bus.release('takeOver')
  const error = await late.waitFor('error')
  t.deepEqual([error.code, error.details?.number], ['REPLACED', 2])
  t.is(await late.closing(), CloseCode.REPLACED)
  await newer.settled()
  t.is(newer.closed, undefined)
  const a = await connectTo(two, await newDevice(one))
  await a.say(bob, 'still here')
  await newer.delivery('still here')
})

test.serial('a connect that is read late does not close the newer session', async (t) => {
  const bob = await newDevice(one)
  const late = await Device.open(one.url)
  const newer = await connectTo(two, bob, { number: 2 })
  late.send(connectFrame(bob.token, { number: 1 }))
  t.is(await late.closing(), CloseCode.REPLACED)
  t.is(late.all('error')[0]?.details?.number, 2)
  await newer.settled()
  t.is(newer.closed, undefined)
})

test.serial(
  'an actor that no take-over reached closes when a re-check of its rows finds a higher number',
  async (t) => {
    const bob = await newDevice(one)
    const older = await connectTo(one, bob, { number: 1 })
    two.bus.cut()
    const newer = await connectTo(two, bob, { number: 2 })
    two.bus.mend()
    await older.settled()
    t.is(older.closed, undefined)
    await one.core.poll()
    t.is(await older.closing(), CloseCode.REPLACED)
    await newer.settled()
    t.is(newer.closed, undefined)
  },
)

test.serial('an older actor that does not answer is waited for no longer than its time', async (t) => {
  const [one, two] = hasty
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const older = await connectTo(one, bob, { number: 1 })
  two.bus.hold('takeOver')
  const newer = await connectTo(two, bob, { number: 2 })
  two.bus.drop('takeOver')
  const a = await connectTo(two, alice)
  await a.say(bob, 'to the newer one')
  await newer.delivery('to the newer one')
  await one.core.poll()
  t.is(await older.closing(), CloseCode.REPLACED)
})

test.serial('what is sent while a subscription is not yet in force is read once it is', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  two.bus.hold('subscribe')
  const b = await Device.open(two.url)
  b.send(connectFrame(bob.token))
  await two.bus.holds('subscribe', 2)
  await a.say(bob, 'into the gap')
  t.deepEqual(b.frames, [])
  two.bus.release('subscribe')
  await b.delivery('into the gap')
  t.is((await b.connected()).pending, 1)
})

test.serial('a message that the older actor commits after the newer one has loaded comes by a wake', async (t) => {
  const [one, two] = hasty
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const older = await connectTo(one, bob, { number: 1 })
  const lock = await MailboxLock.take(t, one.databaseUrl)
  const frames = [message(bob, 'one', { first: true }), message(bob, 'two')] as const
  a.send(frames[0])
  await older.delivery('one')
  await lock.blocks(1)
  const newer = await connectTo(two, bob, { number: 2 })
  await newer.caughtUp()
  t.deepEqual(newer.bodies, [])
  a.send(frames[1])
  await a.settled()
  t.deepEqual(a.all('accepted'), [])
  await lock.release()
  await a.accepted(frames[1].id)
  await newer.delivery('two')
  t.deepEqual(newer.bodies, ['one', 'two'])
})

test.serial('a session whose device was registered anew elsewhere closes with 4504 at the next re-check', async (t) => {
  const bob = await newDevice(one)
  const session = await connectTo(one, bob, { number: 5 })
  await withClient(one.databaseUrl, (client) =>
    client.query('UPDATE devices SET registration = gen_random_uuid() WHERE user_id = $1', [bob.user]),
  )
  await one.core.poll()
  t.is(await session.closing(), CloseCode.DEVICE_REMOVED)
})

test.serial(
  'a newly registered device takes over from the old one on another node, though its connections count from 1',
  async (t) => {
    const bob = await newDevice(one)
    const old = await connectTo(one, bob, { number: 5 })
    const token = createToken(bob.address)
    await withClient(one.databaseUrl, (client) =>
      client.query(
        `UPDATE devices SET registration = gen_random_uuid(), token_hash = $2, connection_number = 0 WHERE user_id = $1`,
        [bob.user, hashToken(token)],
      ),
    )
    const fresh = await connectTo(two, { ...bob, token }, { number: 1 })
    await fresh.caughtUp()
    t.true([CloseCode.REPLACED, CloseCode.DEVICE_REMOVED].includes((await old.closing()) as never))
    await fresh.settled()
    t.is(fresh.closed, undefined)
  },
)

test.serial('sessions of one device that come at the same moment end with exactly one of them', async (t) => {
  const bob = await newDevice(one)
  const sessions = await Promise.all(Array.from({ length: 8 }, (_, i) => Device.open((i % 2 === 0 ? one : two).url)))
  for (const session of sessions) session.send(connectFrame(bob.token))
  const closed = async () => {
    await Promise.all([one.core.poll(), two.core.poll()])
    return sessions.filter((session) => session.closed !== undefined).length
  }
  while ((await closed()) < 7)
    await Promise.all(sessions.map((session) => session.closed ?? session.settled().catch(() => undefined)))
  const last = sessions.find((session) => session.closed === undefined)
  const a = await connectTo(one, await newDevice(one))
  await a.say(bob, 'to the last one')
  await last?.delivery('to the last one')
  t.true(sessions.every((session) => session === last || session.closed?.code === CloseCode.REPLACED))
  t.deepEqual(
    [one, two, ...hasty].flatMap(({ faults }) => faults),
    [],
  )
})
