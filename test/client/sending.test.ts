import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { RefusedError } from '../../client/errors.ts'
import { openFileStore } from '../../client/file-store.ts'
import { Kind } from '../../proto/frames.ts'
import type { SendFrame } from '../../proto/frames.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { accepted, ADDRESS, newWorld, PEER, receipt, refused, setUp, uuid } from './helpers/scripted.ts'

const devicesOf = ({ copies }: SendFrame): number[] => copies.map(({ device }) => device)

const texts = (messages: readonly { body: { type: string } }[]): string[] =>
  messages.map(({ body }) => ('text' in body ? String(body.text) : body.type))

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

test('the app hears that a mailbox is full, and that it has room again', async (t) => {
  const { client, clock, wire } = await setUp()
  const session = await wire.session(1)
  const heard: unknown[] = []
  client.on('mailboxFull', (event) => heard.push(event))
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  for (const round of [2, 3]) {
    session.say(refused(message.id, 'MAILBOX_FULL', true))
    await waitUntil('the app hears of it', () => client.isMailboxFull(PEER))
    await waitUntil('it is sent again after a while', () => {
      clock.advance(1_000)
      return session.sent(Kind.MESSAGE).length === round
    })
  }
  session.say(accepted(message.id, 500n))
  t.like(await client.whenAccepted(message), { status: 'accepted' })
  t.deepEqual(heard, [
    { user: PEER, full: true },
    { user: PEER, full: false },
  ])
  t.false(client.isMailboxFull(PEER))
  await client.close()
})

test('a message that failed is sent again when the person says so, under its own id, and only then', async (t) => {
  const { client, wire, receipts, station, peer } = await setUp()
  const session = await wire.session(1)
  station.clear({ user: PEER, device: 1 })
  const message = client.sendText(PEER, 'Hello')
  await t.throwsAsync(client.whenAccepted(message), { code: 'NO_KEYS' })
  await peer.phone.publishKeys()
  const [waiting, refusal] = await Promise.all([
    client.sendAgain(message),
    t.throwsAsync(client.sendAgain(message), { code: 'NOT_FAILED' }),
  ])
  t.truthy(refusal)
  t.like(waiting, { id: message.id, status: 'waiting', error: undefined, body: { text: 'Hello' } })
  const sent = await session.nthSent(Kind.MESSAGE)
  t.is(sent.id, message.id)
  t.is(peer.phone.read(ADDRESS, sent.copies[0]?.payload ?? new Uint8Array(0)), 'Hello')
  session.say(accepted(message.id, 1n))
  t.is((await client.whenAccepted(message)).status, 'accepted')
  t.deepEqual(
    receipts.map(({ status }) => status),
    ['failed', 'waiting', 'accepted'],
  )
  await t.throwsAsync(client.sendAgain(message), { code: 'NOT_FAILED' })
  await t.throwsAsync(client.sendAgain({ chat: PEER, id: uuid(99) }), { code: 'UNKNOWN_MESSAGE' })
  // It was never fetched.
  session.say(receipt(1, Kind.EXPIRED, [message.id]))
  await session.nth('ack')
  await client.sendAgain(message)
  t.is((await session.nthSent(Kind.MESSAGE, 2)).id, message.id)
  t.is((await client.history(PEER)).length, 1)
  await client.close()
})

test('somebody who had keys and is being restored gets the message when they are back', async (t) => {
  const { client, clock, wire, station, peer } = await setUp()
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  let away = true
  station.before = (request) => {
    if (away && request === 'lists') throw new RefusedError('NO_KEYS', 'No list', false)
  }
  session.say(refused(message.id, 'DEVICES_CHANGED', false, { devices: { missing: [], extra: [], stale: [1] } }))
  await waitUntil('the list was asked for', () => station.count('lists', PEER) >= 2)
  await client.chats()
  await client.chats()
  t.like((await client.history(PEER))[0], { status: 'waiting' })
  await peer.reinstall()
  away = false
  clock.advance(1_000)
  const sent = await session.nthSent(Kind.MESSAGE, 2)
  t.is(peer.phone.read(ADDRESS, sent.copies[0]?.payload ?? new Uint8Array(0)), 'Hello')
  await client.close()
})
