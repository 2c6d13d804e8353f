import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Content } from '../../client/content.ts'
import { textContent } from '../../client/contents.ts'
import { RefusedError } from '../../client/errors.ts'
import { openFileStore } from '../../client/file-store.ts'
import { memoryStore } from '../../client/memory-store.ts'
import type { Store } from '../../client/store.ts'
import { Kind } from '../../proto/frames.ts'
import type { SendFrame } from '../../proto/frames.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { ManualClock } from './helpers/manual-clock.ts'
import { ADDRESS, ME, newWorld, PEER, receipt, setUp, uuid } from './helpers/scripted.ts'

const devicesOf = ({ copies }: SendFrame): number[] => copies.map(({ device }) => device)

function accepted(id: string, messageId: bigint, delivered: readonly number[] = []) {
  return { type: 'accepted' as const, id, messageId, at: 77, delivered }
}

function refused(id: string, code: string, temporary = false, details?: object) {
  const extra = details === undefined ? {} : { details }
  return { type: 'error' as const, id, code, message: '', temporary, retryAfterMs: 0, ...extra }
}

const texts = (messages: readonly { body: { type: string } }[]): string[] =>
  messages.map(({ body }) => ('text' in body ? String(body.text) : body.type))

test('deliveries are stored, shown in order, and acknowledged together', async (t) => {
  const { client, wire, shown, deliver } = await setUp()
  const session = await wire.session(1)
  session.say(deliver(1), deliver(2), deliver(3))
  t.deepEqual(await session.nth('ack'), { type: 'ack', upTo: 3 })
  t.is(session.all('ack').length, 1)
  t.deepEqual(texts(shown), ['text 1', 'text 2', 'text 3'])
  t.deepEqual(texts(await client.history(PEER)), ['text 1', 'text 2', 'text 3'])
  t.deepEqual(await client.chats(), [{ user: PEER, unread: 3, lastAt: 5 }])
  await client.close()
})

test('an envelope that comes again, by another session or another id of the server, is acknowledged and not shown', async (t) => {
  const { client, clock, wire, shown, deliver } = await setUp()
  const first = await wire.session(1)
  first.say(deliver(1), deliver(2))
  await first.nth('ack')
  first.end(1006)
  clock.advance(1_000)
  const second = await wire.session(2)
  second.say(deliver(1, 2), deliver(2, 1, { messageId: 99n }), deliver(3))
  t.deepEqual(await second.nth('ack'), { type: 'ack', upTo: 3 })
  t.deepEqual(texts(shown), ['text 1', 'text 2', 'text 3'])
  await client.close()
})

test('the same client id of another device is another message', async (t) => {
  const { client, wire, shown, deliver } = await setUp({}, await newWorld(2))
  const session = await wire.session(1)
  session.say(deliver(1, 1), deliver(2, 1, { from: { user: PEER, device: 2 } }))
  await waitUntil('both are shown', () => shown.length === 2)
  t.deepEqual(
    shown.map(({ device }) => device),
    [1, 2],
  )
  await client.close()
})

test('marks outlive the thirty days that an envelope may wait', async (t) => {
  const store = memoryStore()
  const { client, clock, wire, shown, deliver } = await setUp({ store })
  const session = await wire.session(1)
  session.say(deliver(1))
  await session.nth('ack')
  clock.jump(34 * 24 * 3600 * 1000)
  session.end(1006)
  clock.advance(1_000)
  const again = await wire.session(2)
  again.say(deliver(1))
  await again.nth('ack')
  t.is(shown.length, 1)
  await client.close()
})

test('a start forgets the marks of what cannot come again, and no others', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-'))
  const countMarks = async (): Promise<number> => {
    const store = await openFileStore(directory)
    const marks = await store.transaction((transaction) => transaction.scan({ prefix: 'mark/', limit: 9 }))
    await store.close()
    return marks.length
  }
  const day = 24 * 3600 * 1000
  const world = await newWorld()
  for (const [number, days, marks] of [
    [1, 0, 1],
    [2, 20, 2],
    [3, 36, 2],
  ] as const) {
    const clock = new ManualClock()
    clock.jump(days * day)
    const { client, wire, shown, deliver } = await setUp({ store: await openFileStore(directory), clock }, world)
    const session = await wire.session(1)
    session.say(deliver(1, number))
    await waitUntil('it is shown', () => shown.length === 1)
    await client.close()
    t.is(await countMarks(), marks)
  }
})

test('content that cannot be read is shown as such, rubbish is not, and neither stops anything', async (t) => {
  const { client, wire, peer, shown, deliver } = await setUp()
  const session = await wire.session(1)
  const seal = (content: Content): Uint8Array => peer.phone.seal(ADDRESS, content)
  const foreign = seal(textContent({ id: uuid(7), chat: ME, sentAtMs: 1, text: 'for another id' }))
  const elsewhere = seal(textContent({ id: uuid(3), chat: 15550000009, sentAtMs: 1, text: 'for another chat' }))
  session.say(
    deliver(1, 1, { payload: Uint8Array.of(255, 255, 255) }),
    deliver(2, 2, { payload: foreign }),
    deliver(3, 3, { payload: elsewhere }),
    deliver(4, 4, { payload: new Uint8Array(0) }),
    deliver(5, 5, { id: 'no/uuid' }),
    deliver(6, 6, { kind: 99 as Kind }),
    deliver(7, 8, { payload: peer.phone.sealBytes(ADDRESS, Uint8Array.of(255, 255, 255)) }),
    deliver(8, 7),
  )
  await waitUntil('the last is shown', () => texts(shown).includes('text 7'))
  t.deepEqual(texts(shown), ['unreadable', 'unreadable', 'unreadable', 'text 7'])
  t.is(session.all('ack').at(-1)?.upTo, 8)
  await client.close()
})

test('what the store could not take is not acknowledged and comes again', async (t) => {
  const inner = memoryStore()
  let broken = false
  const store: Store = {
    transaction: (work) => (broken ? Promise.reject(new RangeError('disk full')) : inner.transaction(work)),
    close: () => inner.close(),
  }
  const { client, clock, wire, shown, deliver } = await setUp({ store })
  const errors: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  const session = await wire.session(1)
  await client.chats()
  broken = true
  session.say(deliver(1), deliver(2))
  await waitUntil('the connection was given up', () => session.closed)
  t.is(session.all('ack').length, 0)
  t.is(shown.length, 0)
  t.true(errors.includes('STORE_FAILED'))
  broken = false
  clock.advance(1_000)
  const next = await wire.session(2)
  next.say(deliver(1), deliver(2))
  await next.nth('ack')
  t.deepEqual(texts(shown), ['text 1', 'text 2'])
  await client.close()
})

test('deliveries that wait for the store when their connection ends are left to the next one', async (t) => {
  const inner = memoryStore()
  let gate = Promise.resolve()
  const store: Store = {
    transaction: async (work) => {
      await gate
      return inner.transaction(work)
    },
    close: () => inner.close(),
  }
  const { client, clock, wire, shown, deliver } = await setUp({ store })
  const session = await wire.session(1)
  const { promise, resolve: open } = Promise.withResolvers<void>()
  await client.chats()
  gate = promise
  session.say(deliver(1))
  await Promise.resolve()
  session.say(deliver(2))
  session.end(1006)
  open()
  await client.chats()
  clock.advance(1_000)
  const next = await wire.session(2)
  t.deepEqual(texts(shown), [])
  next.say(deliver(1), deliver(2))
  await next.nth('ack')
  t.deepEqual(texts(shown), ['text 1', 'text 2'])
  await client.close()
})

test('a gap in the deliveries gives the connection up', async (t) => {
  const { client, wire, deliver } = await setUp()
  const session = await wire.session(1)
  session.say(deliver(1), deliver(3))
  t.true(session.closed)
  await client.close()
})

test('a message goes out when it is stored, and its receipts move it forward', async (t) => {
  const { client, wire, receipts } = await setUp()
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  t.is(message.status, 'waiting')
  const answered = client.whenAccepted(message)
  const send = await session.nthSent(Kind.MESSAGE)
  t.like(send, { id: message.id, to: PEER, kind: Kind.MESSAGE, first: true, urgent: true })
  t.deepEqual(
    send.copies.map(({ device }) => device),
    [1],
  )
  session.say(accepted(message.id, 500n))
  t.like(await answered, { status: 'accepted', sentAt: 77 })
  session.say(
    receipt(1, Kind.DELIVERED, [message.id]),
    receipt(2, Kind.READ, [message.id]),
    receipt(3, Kind.DELIVERED, [message.id]),
    receipt(4, Kind.EXPIRED, [message.id], 2),
  )
  await session.nth('ack')
  t.deepEqual(
    receipts.map(({ status }) => status),
    ['accepted', 'delivered', 'read'],
  )
  t.like((await client.history(PEER))[0], { status: 'read', deliveredTo: [1] })
  await client.close()
})

test('whenAccepted answers at once for a message whose fate is known, and waits for the server otherwise', async (t) => {
  const { client, wire } = await setUp()
  const session = await wire.session(1)
  const good = client.sendText(PEER, 'one')
  const bad = client.sendText(15550000009, 'two')
  await session.nthSent(Kind.MESSAGE)
  session.say(receipt(1, Kind.DELIVERED, [good.id]))
  await session.nth('ack')
  await t.throwsAsync(client.whenAccepted(bad), { code: 'UNKNOWN_USER' })
  const answer = client.whenAccepted(good)
  let answered = false
  void answer.finally(() => {
    answered = true
  })
  await client.chats()
  t.false(answered, 'one device has it, and the server has not accepted it')
  session.say(accepted(good.id, 1n))
  t.is((await answer).status, 'delivered')
  t.is((await client.whenAccepted(good)).status, 'delivered')
  await t.throwsAsync(client.whenAccepted({ ...good, id: uuid(5) }), { code: 'UNKNOWN_MESSAGE' })
  await client.close()
})

test('an accepted that says delivered gives ✓✓ at once', async (t) => {
  const { client, wire } = await setUp()
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  session.say(accepted(message.id, 500n, [1]))
  t.like(await client.whenAccepted(message), { status: 'delivered', deliveredTo: [1] })
  await client.close()
})

test('a receipt of somebody else, or for what was never sent, changes nothing', async (t) => {
  const { client, wire, receipts } = await setUp()
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  session.say(receipt(1, Kind.READ, [message.id], 1, 15550000009), receipt(2, Kind.READ, [uuid(8), 'no uuid']))
  await session.nth('ack')
  t.is(receipts.length, 0)
  await client.close()
})

test('a DELIVERED without an accepted does not stop the resending', async (t) => {
  const { client, clock, wire } = await setUp()
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  session.say(receipt(1, Kind.DELIVERED, [message.id]))
  await session.nth('ack')
  session.end(1006)
  clock.advance(1_000)
  const next = await wire.session(2)
  t.is((await next.nthSent(Kind.MESSAGE)).id, message.id)
  next.say(accepted(message.id, 500n))
  t.is((await client.whenAccepted(message)).status, 'delivered')
  await client.close()
})

test('an accepted that comes by a closed socket changes nothing', async (t) => {
  const { client, clock, wire, receipts } = await setUp()
  const old = await wire.session(1)
  const first = client.sendText(PEER, 'one')
  const second = client.sendText(PEER, 'two')
  await old.nthSent(Kind.MESSAGE, 2)
  old.end(1006)
  clock.advance(1_000)
  old.say(accepted(first.id, 500n))
  const next = await wire.session(2)
  await next.nthSent(Kind.MESSAGE, 2)
  t.deepEqual(
    next.sent(Kind.MESSAGE).map(({ id, first: isFirst }) => [id, isFirst]),
    [
      [first.id, true],
      [second.id, false],
    ],
  )
  t.is(receipts.length, 0)
  t.is((await next.nth('connect')).lastMessageId, 0n)
  await client.close()
})

test('the next connection names the highest message id that was accepted', async (t) => {
  const { client, clock, wire } = await setUp()
  const session = await wire.session(1)
  for (const [index, messageId] of [700n, 600n].entries()) {
    const message = client.sendText(PEER, 'Hello')
    await session.nthSent(Kind.MESSAGE, index + 1)
    session.say(accepted(message.id, messageId))
    await client.whenAccepted(message)
  }
  session.end(1006)
  clock.advance(1_000)
  const next = await wire.session(2)
  t.is((await next.nth('connect')).lastMessageId, 700n)
  await client.close()
})

test('a device that the server misses gets a copy once the signed list names it, and the others the same bytes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-'))
  const world = await newWorld()
  const { client, wire, peer } = await setUp({ store: await openFileStore(directory) }, world)
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  const later = client.sendText(PEER, 'there')
  const first = await session.nthSent(Kind.MESSAGE)
  t.deepEqual(devicesOf(first), [1])
  await session.nthSent(Kind.MESSAGE, 2)
  await peer.change(1, 2, 3)
  peer.publishList()
  const devices = { missing: [2, 3], extra: [], stale: [] }
  session.say(refused(message.id, 'DEVICES_CHANGED', false, { devices }), refused(later.id, 'RESEND_FROM_FIRST', true))
  const resent = await session.nthSent(Kind.MESSAGE, 3)
  t.deepEqual([resent.id, resent.first, devicesOf(resent)], [message.id, true, [1, 2, 3]])
  t.deepEqual(resent.copies[0], first.copies[0])
  const next = await session.nthSent(Kind.MESSAGE, 4)
  t.deepEqual([next.id, devicesOf(next)], [later.id, [1, 2, 3]])
  for (const { device, payload } of resent.copies) t.is(peer.device(device).read(ADDRESS, payload), 'Hello')
  for (const { device, payload } of next.copies) t.is(peer.device(device).read(ADDRESS, payload), 'there')
  session.say(accepted(message.id, 1n), accepted(later.id, 2n))
  await client.whenAccepted(later)
  await client.close()
  const again = await setUp({ store: await openFileStore(directory) }, world)
  const end = await again.wire.session(1)
  again.client.sendText(PEER, 'Good bye')
  t.deepEqual(devicesOf(await end.nthSent(Kind.MESSAGE)), [1, 2, 3])
  await again.client.close()
})

test('what the server says of devices that no signed list names moves nothing but the copies of those that are gone', async (t) => {
  const { client, wire, peer } = await setUp({}, await newWorld(2))
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  const first = await session.nthSent(Kind.MESSAGE)
  t.deepEqual(devicesOf(first), [1, 2])
  const devices = { missing: [3], extra: [2], stale: [] }
  session.say(refused(message.id, 'DEVICES_CHANGED', false, { devices }))
  const second = await session.nthSent(Kind.MESSAGE, 2)
  t.deepEqual(second.copies, first.copies.slice(0, 1))
  t.is(peer.phone.read(ADDRESS, second.copies[0]?.payload ?? new Uint8Array(0)), 'Hello')
  session.say(refused(message.id, 'DEVICES_CHANGED', false, { devices }))
  await session.nthSent(Kind.MESSAGE, 3)
  session.say(refused(message.id, 'DEVICES_CHANGED', false, { devices }))
  t.deepEqual((await session.nthSent(Kind.MESSAGE, 4)).copies, second.copies)
  const failed = t.throwsAsync(client.whenAccepted(message), { code: 'DEVICES_CHANGED' })
  session.say(refused(message.id, 'DEVICES_CHANGED', false, { devices }))
  await failed
  await client.close()
})

test('a message that is refused for good fails visibly and the next one goes on', async (t) => {
  const { client, wire, receipts } = await setUp()
  const session = await wire.session(1)
  const failing = client.sendText(PEER, 'one')
  const next = client.sendText(PEER, 'two')
  const answered = t.throwsAsync(client.whenAccepted(failing), { code: 'UNKNOWN_USER' })
  await session.nthSent(Kind.MESSAGE, 2)
  session.say(refused(failing.id, 'UNKNOWN_USER'), refused(next.id, 'RESEND_FROM_FIRST', true))
  await answered
  t.like(await session.nthSent(Kind.MESSAGE, 3), { id: next.id, first: true })
  t.like(receipts[0], { id: failing.id, status: 'failed', error: 'UNKNOWN_USER' })
  t.like((await client.history(PEER))[0], { status: 'failed', error: 'UNKNOWN_USER' })
  await client.close()
})

test('what is unaccepted goes out at the next start, in order, with the same ids and in the same bytes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-'))
  const world = await newWorld()
  const first = await setUp({ store: await openFileStore(directory) }, world)
  const before = await first.wire.session(1)
  const sent = ['one', 'two', 'three'].map((text) => first.client.sendText(PEER, text))
  await before.nthSent(Kind.MESSAGE, 3)
  await first.client.close()
  const { client, wire, peer } = await setUp({ store: await openFileStore(directory) }, world)
  const session = await wire.session(1)
  await session.nthSent(Kind.MESSAGE, 3)
  t.deepEqual(
    session.sent(Kind.MESSAGE).map(({ id }) => id),
    sent.map(({ id }) => id),
  )
  t.deepEqual(
    session.sent(Kind.MESSAGE).map(({ copies }) => copies),
    before.sent(Kind.MESSAGE).map(({ copies }) => copies),
  )
  t.deepEqual(
    session.sent(Kind.MESSAGE).map(({ copies }) => peer.phone.read(ADDRESS, copies[0]?.payload ?? new Uint8Array(0))),
    ['one', 'two', 'three'],
  )
  t.is((await session.nth('connect')).number, 2)
  t.deepEqual(texts(await client.history(PEER)), ['one', 'two', 'three'])
  await client.close()
})

test('what was written before the first connection is encrypted at the next start, in order', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-'))
  const world = await newWorld()
  const first = await setUp({ store: await openFileStore(directory), autoConnect: false }, world)
  const sent = ['one', 'two', 'three'].map((text) => first.client.sendText(PEER, text))
  await first.client.close()
  const { client, wire, peer } = await setUp({ store: await openFileStore(directory) }, world)
  const session = await wire.session(1)
  await session.nthSent(Kind.MESSAGE, 3)
  t.deepEqual(
    session
      .sent(Kind.MESSAGE)
      .map(({ id, copies }) => [id, peer.phone.read(ADDRESS, copies[0]?.payload as Uint8Array)]),
    sent.map(({ id }, index) => [id, ['one', 'two', 'three'][index]]),
  )
  await client.close()
})

test('a full outbox refuses the message at once', async (t) => {
  const { client } = await setUp({ outbox: { maxEntries: 2 } })
  client.sendText(PEER, 'one')
  client.sendText(PEER, 'two')
  t.throws(() => client.sendText(PEER, 'three'), { code: 'OUTBOX_FULL' })
  t.throws(() => client.sendText(PEER, 'x'.repeat(70_000)), { code: 'TOO_LARGE' })
  t.throws(() => client.sendText(PEER, ''), { code: 'EMPTY' })
  t.throws(() => client.sendText(-1, 'Hello'), { code: 'INVALID_USER' })
  await client.close()
})

test('marking a chat as read tells its author once, in batches of a thousand', async (t) => {
  const { client, wire, shown, deliver } = await setUp()
  const session = await wire.session(1)
  const count = 1_200
  session.say(...Array.from({ length: count }, (_, index) => deliver(index + 1)))
  await waitUntil('all is shown', () => shown.length === count)
  await client.markChatRead(PEER)
  await client.markChatRead(PEER)
  const first = await session.nthSent(Kind.READ)
  t.is(session.sent(Kind.READ).length, 1, 'one at a time')
  session.say(accepted(first.id, 1n))
  const reads = [first, await session.nthSent(Kind.READ, 2)]
  t.deepEqual(
    reads.map(({ kind, to, about, copies }) => [kind, to, about.length, copies.length]),
    [
      [Kind.READ, PEER, 1_000, 0],
      [Kind.READ, PEER, 200, 0],
    ],
  )
  t.is(new Set(reads.flatMap(({ about }) => about)).size, count)
  t.deepEqual(await client.chats(), [{ user: PEER, unread: 0, lastAt: 5 }])
  await client.close()
})

test('a receipt that was not accepted goes out again after a restart, with all that was read since', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-'))
  const world = await newWorld()
  const before = await setUp({ store: await openFileStore(directory) }, world)
  const session = await before.wire.session(1)
  session.say(before.deliver(1), before.deliver(2))
  await waitUntil('both are shown', () => before.shown.length === 2)
  await before.client.markRead(before.shown.slice(0, 1))
  await session.nthSent(Kind.READ)
  await before.client.markRead(before.shown)
  await before.client.close()
  const { client, wire } = await setUp({ store: await openFileStore(directory) }, world)
  const next = await wire.session(1)
  const read = await next.nthSent(Kind.READ)
  t.deepEqual(read.about.toSorted(), [uuid(1), uuid(2)])
  next.say(accepted(read.id, 1n))
  await client.markChatRead(PEER)
  await client.close()
  const last = await setUp({ store: await openFileStore(directory) }, world)
  const silent = await last.wire.session(1)
  last.client.sendText(PEER, 'Hello')
  await silent.nthSent(Kind.MESSAGE)
  t.is(silent.sent(Kind.READ).length, 0)
  await last.client.close()
})

test('with read receipts off nobody is told', async (t) => {
  const { client, wire, shown, deliver } = await setUp({ readReceipts: false })
  const session = await wire.session(1)
  session.say(deliver(1))
  await session.nth('ack')
  await waitUntil('it is shown', () => shown.length === 1)
  await client.markRead(shown)
  t.is((await client.chats())[0]?.unread, 0)
  t.is(session.sent(Kind.READ).length, 0)
  await client.close()
})

test('history comes in pages, the newest first', async (t) => {
  const { client, wire, deliver } = await setUp()
  const session = await wire.session(1)
  session.say(...Array.from({ length: 5 }, (_, index) => deliver(index + 1)))
  await session.nth('ack')
  const last = await client.history(PEER, { limit: 2 })
  t.deepEqual(texts(last), ['text 4', 'text 5'])
  t.deepEqual(texts(await client.history(PEER, { limit: 9, before: last[0]?.order ?? 0 })), [
    'text 1',
    'text 2',
    'text 3',
  ])
  await client.close()
})

test('typing is told seldom, and ends with a message or by itself', async (t) => {
  const { client, clock, wire, peer, shown, deliver } = await setUp()
  const seen: boolean[] = []
  client.on('typing', ({ typing }) => seen.push(typing))
  const session = await wire.session(1)
  client.typing(PEER)
  t.is(session.all('signal').length, 0, 'there is no session')
  session.say(deliver(1))
  await waitUntil('it is shown', () => shown.length === 1)
  clock.advance(3_000)
  client.typing(PEER)
  client.typing(PEER)
  clock.advance(3_000)
  client.typing(PEER)
  client.typing(PEER, false)
  client.typing(PEER, false)
  await session.nth('signal', 3)
  t.deepEqual(
    session.all('signal').map(({ to, payload }) => [to.device, peer.phone.openSignal(ADDRESS, payload)[1]]),
    [
      [1, 1],
      [1, 1],
      [1, 2],
    ],
  )
  const from = { user: PEER, device: 1 }
  const writing = (): Uint8Array => peer.phone.signal(ADDRESS, Uint8Array.of(0, 1), clock.now())
  session.say({ type: 'signal', from, payload: writing() })
  await waitUntil('it is seen', () => seen.length === 1)
  clock.advance(7_000)
  t.deepEqual(seen, [true, false])
  session.say({ type: 'signal', from, payload: writing() }, deliver(2))
  await waitUntil('the message is shown', () => shown.length === 2)
  t.deepEqual(seen, [true, false, true, false])
  await client.close()
})

test('presence is asked for again by every session', async (t) => {
  const { client, clock, wire } = await setUp()
  const seen: unknown[] = []
  client.on('presence', (presence) => seen.push(presence))
  client.watch([PEER])
  const session = await wire.session(1)
  t.deepEqual((await session.nth('watch')).users, [PEER])
  session.say({ type: 'presence', user: PEER, online: true, lastSeen: 0 })
  session.say({ type: 'presence', user: 15550000009, online: true, lastSeen: 0 })
  t.deepEqual(seen, [{ user: PEER, online: true, lastSeen: 0 }])
  session.end(1006)
  clock.advance(1_000)
  const next = await wire.session(2)
  t.deepEqual((await next.nth('watch')).users, [PEER])
  client.unwatch([PEER])
  t.deepEqual((await next.nth('unwatch')).users, [PEER])
  await client.close()
})

test('caughtUp is told after everything that came before it', async (t) => {
  const { client, wire, shown, deliver } = await setUp()
  const counts: number[] = []
  client.on('caughtUp', () => counts.push(shown.length))
  const session = await wire.session(1)
  session.say(deliver(1), deliver(2), { type: 'caughtUp' })
  await waitUntil('it has caught up', () => counts.length === 1)
  t.deepEqual(counts, [2], 'what waited for the device list of its sender is shown too')
  session.say(deliver(3), { type: 'caughtUp' })
  await waitUntil('it has caught up again', () => counts.length === 2)
  t.deepEqual(counts, [2, 3])
  await client.close()
})

test('caughtUp is told although what came waits for a device list that cannot be had', async (t) => {
  const { client, wire, station, shown, deliver } = await setUp()
  station.before = (request) => {
    if (request === 'lists') throw new RefusedError('UNREACHABLE', 'Away', true)
  }
  let caughtUp = 0
  client.on('caughtUp', () => (caughtUp += 1))
  const session = await wire.session(1)
  session.say(deliver(1), { type: 'caughtUp' })
  await waitUntil('it has caught up', () => caughtUp === 1)
  t.is(shown.length, 0)
  await client.close()
})

test('closing rejects what was waited for', async (t) => {
  const { client } = await setUp()
  const waiting = client.whenAccepted(client.sendText(PEER, 'Hello'))
  await Promise.all([t.throwsAsync(waiting, { code: 'CLOSED' }), client.close()])
})
