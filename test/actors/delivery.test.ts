import { randomUUID } from 'node:crypto'
import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { Kind } from '../../proto/frames.ts'
import type { Batch, Outcome } from '../../src/actors/batch.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { MessageId } from '../../src/shared/ids.ts'
import { message, text } from '../helpers/device.ts'
import { countRows, withClient } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { MailboxLock } from '../helpers/raw-lock.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'
import type { TestNode } from '../helpers/raw-nodes.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const scope = new FileScope()
let one: TestNode
/** Flushes its journal seldom, and its requests to it are given up early. */
let lazy: TestNode
let hasty: TestNode

test.before(async () => {
  const nodes = await startNodes(scope, 2, { config: { mailbox: { inboxItems: 2 } } })
  one = nodes[0]!
  const pair = await startNodes(scope, 2, {
    requestTimeoutMs: 200,
    config: { journal: { flushIntervalMs: 1_500 }, mailbox: { offlinePathMs: 0 } },
  })
  hasty = pair[0]!
  lazy = pair[1]!
})
test.after.always(() => scope.end())

/** A batch that keeps its answers. */
class TestBatch implements Batch {
  readonly envelopes: readonly Envelope[]
  readonly incarnation = undefined
  readonly outcomes: (Outcome | undefined)[] = []

  constructor(from: RawDevice, to: RawDevice, bodies: readonly string[]) {
    this.envelopes = bodies.map((body, i) => ({
      messageId: ((BigInt(Date.now()) << 22n) + BigInt(i)) as MessageId,
      from: from.address,
      to: to.address,
      kind: Kind.MESSAGE,
      id: randomUUID(),
      payload: text(body),
      about: [],
      urgent: false,
      sentAt: Date.now(),
      expiresAt: Date.now() + 60_000,
    }))
  }

  answer(index: number, outcome: Outcome): void {
    this.outcomes[index] = outcome
  }
}

test.serial(
  'an append that was not sent to PostgreSQL when its acknowledgement comes leaves no row and no receipt',
  async (t) => {
    const [alice, bob, carol] = [await newDevice(one), await newDevice(one), await newDevice(one)]
    const a = await connectTo(one, alice, { acks: true })
    const c = await connectTo(one, carol)
    const b = await connectTo(one, bob)
    const lock = await MailboxLock.take(t, one.databaseUrl)
    const [flushing, buffered] = [message(bob, 'flushing', { first: true }), message(bob, 'buffered', { first: true })]
    a.send(flushing)
    await b.delivery('flushing')
    await lock.blocks(1)
    c.send(buffered)
    await b.delivery('buffered')
    const before = one.written.appends
    b.ack()
    t.deepEqual((await c.accepted(buffered.id)).delivered, [1])
    t.deepEqual((await a.accepted(flushing.id)).delivered, [1])
    await lock.release()
    // Its insert was under way: that one lives on a receipt and a delete.
    await a.receipt(Kind.DELIVERED, flushing.id)
    await waitUntil('the row is gone', async () => (await countRows(one.databaseUrl, bob)) === 0)
    await c.settled()
    t.deepEqual(c.all('deliver'), [])
    t.true(one.written.appends - before <= 2)
    await withClient(one.databaseUrl, async (client) => {
      const { rows } = await client.query('SELECT FROM envelopes WHERE client_id = $1', [buffered.id])
      t.is(rows.length, 0)
    })
  },
)

test.serial('messages that are acknowledged while the journal waits for PostgreSQL are never written', async (t) => {
  const [alice, bob, carol] = [await newDevice(one), await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b = await connectTo(one, bob, { acks: true })
  const lock = await MailboxLock.take(t, one.databaseUrl)
  a.send(message(carol, 'under way', { first: true }))
  await lock.blocks(1)
  const frames = Array.from({ length: 50 }, (_, i) => message(bob, String(i), { first: i === 0 }))
  a.send(...frames)
  for (const { id } of frames) t.deepEqual((await a.accepted(id)).delivered, [1])
  await lock.release()
  await a.say(carol, 'behind it')
  t.deepEqual(
    b.bodies,
    frames.map((_, i) => String(i)),
  )
  await withClient(one.databaseUrl, async (client) => {
    const ids = frames.map(({ id }) => id)
    const { rows } = await client.query('SELECT FROM envelopes WHERE client_id = ANY ($1)', [ids])
    t.is(rows.length, 0)
  })
  t.is(await countRows(one.databaseUrl, carol), 2)
})

test.serial('an envelope whose row somebody else inserted gets its receipt and its delete', async (t) => {
  const [alice, bob] = [await newDevice(lazy), await newDevice(lazy)]
  const [a, b] = [await connectTo(hasty, alice, { acks: true }), await connectTo(lazy, bob)]
  await a.say(bob, 'warm', { first: true })
  hasty.bus.hold('answer')
  const frame = message(bob, 'twice stored')
  a.send(frame)
  await b.delivery('twice stored')
  await a.accepted(frame.id)
  hasty.bus.release('answer')
  await waitUntil('the row is there', async () => (await countRows(lazy.databaseUrl, bob)) > 0)
  b.acks = true
  b.ack()
  await a.receipt(Kind.DELIVERED, frame.id)
  await waitUntil('the rows are gone', async () => (await countRows(lazy.databaseUrl, bob)) === 0)
  t.deepEqual(b.bodies, ['warm', 'twice stored'])
})

test.serial('a request without an answer in time falls back to the journal, and keeps the order', async (t) => {
  const [alice, bob] = [await newDevice(lazy), await newDevice(lazy)]
  const [a, b] = [await connectTo(hasty, alice), await connectTo(lazy, bob)]
  await a.say(bob, 'zero', { first: true })
  hasty.bus.hold('answer')
  const frames = [message(bob, 'one'), message(bob, 'two')] as const
  a.send(frames[0])
  await b.delivery('one')
  a.send(frames[1])
  await a.accepted(frames[0].id)
  hasty.bus.release('answer')
  await a.accepted(frames[1].id)
  await b.delivery('two')
  t.deepEqual([...new Set(b.bodies)], ['zero', 'one', 'two'])
})

test.serial(
  'a stale row that commits after its acknowledgement is delivered again, told again and deleted',
  async (t) => {
    const [alice, bob] = [await newDevice(one), await newDevice(one)]
    const a = await connectTo(one, alice, { acks: true })
    const b = await connectTo(one, bob, { acks: true })
    const frame = message(bob, 'stale', { first: true })
    a.send(frame)
    const { envelope } = await b.delivery('stale')
    await a.accepted(frame.id)
    await waitUntil('the row is gone', async () => (await countRows(one.databaseUrl, bob)) === 0)
    const receipts = a.all('deliver').length
    await withClient(one.databaseUrl, (client) =>
      client.query(
        `INSERT INTO envelopes (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload)
       VALUES ($1, 1, $2, $3, 1, 0, false, $4, $5, '', $6)`,
        [bob.user, String(envelope.messageId), alice.user, Date.now() + 60_000, frame.id, envelope.payload],
      ),
    )
    await one.core.poll()
    await waitUntil('it is delivered again', () => b.bodies.length === 2)
    await waitUntil('its sender is told again', () => a.all('deliver').length === receipts + 1)
    await waitUntil('the row is gone', async () => (await countRows(one.databaseUrl, bob)) === 0)
    t.deepEqual(
      b.all('deliver').map(({ envelope: { id } }) => id),
      [frame.id, frame.id],
    )
    t.is(a.all('deliver').at(-1)?.envelope.kind, Kind.DELIVERED)
  },
)

test.serial('an actor that crashes closes its session with 4000 and loses nothing', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b = await connectTo(one, bob)
  await a.say(bob, 'before', { first: true })
  const actor = one.core.residents.find(bob.address)!
  const good = new TestBatch(alice, bob, ['inside'])
  actor.post({
    envelopes: [],
    get incarnation(): string {
      throw new Error('a defect')
    },
    answer: () => undefined,
  })
  actor.post(good)
  t.is(await b.closing(), CloseCode.SERVER_ERROR)
  t.deepEqual(good.outcomes, ['notHere'])
  t.true(one.faults.some((fault) => fault.includes('a defect')))
  one.faults.length = 0
  await a.say(bob, 'after')
  const next = await connectTo(one, bob)
  await next.delivery('after')
  t.deepEqual(next.bodies, ['before', 'after'])
})

test.serial('a full inbox refuses envelopes, drops signals, and lets a close pass', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const b = await connectTo(one, bob)
  await b.caughtUp()
  const actor = one.core.residents.find(bob.address)!
  const [taken, refused] = [new TestBatch(alice, bob, ['1', '2', '3']), new TestBatch(alice, bob, ['4', '5'])]
  actor.post(taken)
  actor.post(refused)
  actor.signal({ type: 'signal', from: alice.address, payload: text('typing') })
  t.deepEqual(refused.outcomes, ['refused', 'refused'])
  t.deepEqual(taken.outcomes, [])
  const closed = actor.close(CloseCode.SERVER_ERROR)
  t.deepEqual(taken.outcomes, ['notHere', 'notHere', 'notHere'])
  await closed
  t.is(await b.closing(), CloseCode.SERVER_ERROR)
  t.deepEqual([b.bodies, b.all('signal')], [[], []])
  const late = new TestBatch(alice, bob, ['6'])
  actor.post(late)
  t.deepEqual(late.outcomes, ['notHere'])
})

test.serial('a full inbox has room again after its turn', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const b = await connectTo(one, bob, { acks: true })
  await b.caughtUp()
  const actor = one.core.residents.find(bob.address)!
  const first = new TestBatch(alice, bob, ['1', '2'])
  actor.post(first)
  await b.delivery('2')
  const second = new TestBatch(alice, bob, ['3'])
  actor.post(second)
  await b.delivery('3')
  await waitUntil('all are answered', () => [...first.outcomes, ...second.outcomes].filter(Boolean).length === 3)
  t.false([...first.outcomes, ...second.outcomes].some((outcome) => outcome === 'refused' || outcome === 'notHere'))
})

test.serial('an acknowledgement that comes with the end of the connection counts', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice, { acks: true })
  const stored = message(bob, 'stored', { first: true })
  a.send(stored)
  await a.accepted(stored.id)
  const b = await connectTo(one, bob)
  const { seq } = await b.delivery('stored')
  const actor = one.core.residents.find(bob.address)!
  // No turn comes between.
  actor.acknowledge(seq)
  void actor.close(CloseCode.SERVER_ERROR)
  await a.receipt(Kind.DELIVERED, stored.id)
  await waitUntil('its row is gone', async () => (await countRows(one.databaseUrl, bob)) === 0)
  t.is(await b.closing(), CloseCode.SERVER_ERROR)
})

test.serial('the highest acknowledgement of a turn counts', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice, { acks: true })
  const b = await connectTo(one, bob)
  for (const body of ['1', '2', '3']) await a.say(bob, body, { first: true })
  await b.delivery('3')
  const actor = one.core.residents.find(bob.address)!
  actor.acknowledge(3)
  actor.acknowledge(1)
  await waitUntil('the rows are gone', async () => (await countRows(one.databaseUrl, bob)) === 0)
  t.is(b.closed, undefined)
})

test.serial(
  'a full journal refuses with OVERLOADED what it has no room for, and loses nothing that it accepted',
  async (t) => {
    const [node] = await startNodes(t, 1, { config: { journal: { bufferBytes: 30_000 } } })
    const [alice, bob, carol] = [await newDevice(node!), await newDevice(node!), await newDevice(node!)]
    const a = await connectTo(node!, alice, { acks: true })
    const c = await connectTo(node!, carol)
    const lock = await MailboxLock.take(t, node!.databaseUrl)
    const filler = message(carol, 'x'.repeat(15_000), { first: true })
    const large = message(bob, 'y'.repeat(20_000), { first: true })
    const [small, other] = [message(bob, 'small'), message(carol, 'other chat')]
    a.send(filler)
    await lock.blocks(1)
    a.send(large, small, other)
    const refusal = await a.refused(large.id)
    t.like(refusal, { code: 'OVERLOADED', temporary: true })
    t.true(refusal.retryAfterMs > 0)
    t.true((await a.refused(small.id)).temporary)
    await lock.release()
    await a.accepted(filler.id)
    await a.accepted(other.id)
    a.send({ ...large, first: true }, small)
    await a.accepted(small.id)
    const b = await connectTo(node!, bob)
    await b.caughtUp()
    t.deepEqual(
      b.bodies.map((body) => body.length),
      [20_000, 5],
    )
    await c.delivery('other chat')
    t.deepEqual(
      c.bodies.map((body) => body.length),
      [15_000, 10],
    )
  },
)

test.serial('nothing was a defect', (t) => {
  t.deepEqual(
    [one, lazy, hasty].flatMap(({ faults }) => faults),
    [],
  )
})
