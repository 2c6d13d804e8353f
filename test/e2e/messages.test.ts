import { randomUUID } from 'node:crypto'
import test from 'ava'
import { Kind } from '../../proto/frames.ts'
import { Device, message, receipt, text } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { countRows, createAccount } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const scope = new FileScope()
let server: TestServer

test.before(async () => {
  server = await startNode(scope)
})
test.after.always(() => scope.end())

const account = async (): Promise<RawDevice> => (await createAccount(server.databaseUrl))[0]!
const connect = (who: RawDevice, options = {}) => Device.connect(server.url, who.token, options)

test('a message gets ✓, ✓✓, READ and PLAYED, and leaves no row', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice, { acks: true })
  const b = await connect(bob)
  const frame = message(bob, 'hello', { urgent: true, first: true })
  const before = Date.now()
  a.send(frame)
  const { envelope, seq } = await b.delivery('hello')
  t.is(seq, 1)
  t.deepEqual(envelope.from, { user: alice.user, device: 1 })
  t.is(envelope.id, frame.id)
  t.is(envelope.kind, Kind.MESSAGE)
  t.deepEqual(envelope.about, [])
  t.true(envelope.sentAt >= before && envelope.sentAt <= Date.now())
  const accepted = await a.accepted(frame.id)
  t.is(accepted.messageId, envelope.messageId)
  t.is(accepted.at, envelope.sentAt)
  b.acks = true
  b.ack(seq)
  if (accepted.delivered.length === 0) await a.receipt(Kind.DELIVERED, frame.id)
  const read = receipt(alice, Kind.READ, [frame.id])
  const played = receipt(alice, Kind.PLAYED, [frame.id])
  b.send(read, played)
  t.true((await b.accepted(read.id)).messageId > envelope.messageId)
  await b.accepted(played.id)
  const { envelope: seen } = await a.receipt(Kind.READ, frame.id)
  t.deepEqual(seen.from, { user: bob.user, device: 1 })
  t.is(seen.payload.length, 0)
  t.is(seen.id, read.id)
  await a.receipt(Kind.PLAYED, frame.id)
  await waitUntil('no row is left', async () => {
    return (await countRows(server.databaseUrl, alice)) + (await countRows(server.databaseUrl, bob)) === 0
  })
})

test('a stored message that its device acknowledges later gives ✓✓ by DELIVERED', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice, { acks: true })
  const { id, delivered } = await a.say(bob, 'later')
  t.deepEqual(delivered, [])
  t.is(await countRows(server.databaseUrl, bob), 1)
  await connect(bob, { acks: true })
  const { envelope } = await a.receipt(Kind.DELIVERED, id)
  t.deepEqual(envelope.from, { user: bob.user, device: 1 })
  t.is(envelope.id, '')
  await waitUntil('the row is gone', async () => (await countRows(server.databaseUrl, bob)) === 0)
})

test('a device that was offline gets what waited, in order, counted in pending, and one caughtUp behind it', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  for (let i = 0; i < 5; i++) await a.say(bob, `stored ${i}`)
  const b = await connect(bob)
  t.is((await b.connected()).pending, 5)
  await b.caughtUp()
  const types = b.frames.map(({ type }) => type)
  t.deepEqual(types, ['connected', 'deliver', 'deliver', 'deliver', 'deliver', 'deliver', 'caughtUp'])
  t.deepEqual(
    b.bodies,
    [0, 1, 2, 3, 4].map((i) => `stored ${i}`),
  )
  t.deepEqual(
    b.all('deliver').map(({ seq }) => seq),
    [1, 2, 3, 4, 5],
  )
  b.ack()
  await a.say(bob, 'live')
  await b.delivery('live')
  t.is(b.all('caughtUp').length, 1)
})

test('an empty mailbox is caught up at once', async (t) => {
  const b = await connect(await account())
  await b.caughtUp()
  t.deepEqual(
    b.frames.map(({ type }) => type),
    ['connected', 'caughtUp'],
  )
  t.is((await b.connected()).pending, 0)
})

test('what was delivered and not acknowledged comes again in the next session', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  for (const body of ['one', 'two', 'three']) await a.say(bob, body)
  const first = await connect(bob)
  await first.delivery('three')
  first.ack(1)
  await a.receipt(Kind.DELIVERED, first.all('deliver')[0]!.envelope.id)
  first.close()
  await first.closing()
  await waitUntil('the first row is gone', async () => (await countRows(server.databaseUrl, bob)) === 2)
  const second = await connect(bob)
  await second.caughtUp()
  t.deepEqual(second.bodies, ['two', 'three'])
})

test('600 stored messages come in pages of the window, each as the last is acknowledged, in order', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice, { acks: true })
  const frames = Array.from({ length: 600 }, (_, i) => message(bob, String(i)))
  a.send(...frames)
  await a.accepted(frames.at(-1)!.id)
  const b = await connect(bob)
  t.is((await b.connected()).pending, 600)
  let upTo = 0
  await waitUntil('the window is full', () => b.bodies.length === 256)
  await b.settled()
  t.is(b.bodies.length, 256)
  while (upTo < 600) {
    upTo = Math.min(upTo + 50, b.bodies.length)
    b.ack(upTo)
    const wanted = Math.min(600, upTo + 256)
    await waitUntil(`${wanted} are delivered`, () => b.bodies.length >= wanted)
    t.is(b.bodies.length, wanted)
  }
  await b.caughtUp()
  t.deepEqual(
    b.bodies,
    frames.map((_, i) => String(i)),
  )
  t.deepEqual(
    b.all('deliver').map(({ seq }) => seq),
    frames.map((_, i) => i + 1),
  )
  await waitUntil('every row is gone', async () => (await countRows(server.databaseUrl, bob)) === 0)
  t.is(b.all('caughtUp').length, 1)
})

test('a mailbox of large payloads is delivered within the window of bytes', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice, { acks: true })
  const large = new Uint8Array(65_536).fill(7)
  for (let i = 0; i < 20; i++) {
    const frame = message(bob, large)
    a.send(frame)
    await a.accepted(frame.id)
  }
  const b = await connect(bob)
  await waitUntil('the window is full', () => b.all('deliver').length >= 16)
  await b.settled()
  t.true(b.all('deliver').length < 20)
  t.is(b.all('caughtUp').length, 0)
  b.acks = true
  b.ack()
  await b.caughtUp()
  t.is(b.all('deliver').length, 20)
})

test('two sends with one client id are both answered, and both delivered under that id', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const b = await connect(bob)
  const id = randomUUID()
  a.send(message(bob, 'once', { id }), message(bob, 'again', { id }))
  await waitUntil('both are answered', () => a.all('accepted').length === 2)
  await b.delivery('again')
  t.deepEqual(b.bodies, ['once', 'again'])
  t.deepEqual(
    b.all('deliver').map(({ envelope }) => envelope.id),
    [id, id],
  )
  const [first, second] = a.all('accepted')
  t.true(second!.messageId > first!.messageId)
})

test('a message goes to every device of the recipient, and ✓ comes when all of them have it safe', async (t) => {
  const [alice] = await createAccount(server.databaseUrl)
  const [phone, laptop] = await createAccount(server.databaseUrl, { devices: 2 })
  const a = await connect(alice!, { acks: true })
  const b = await connect(phone!)
  const copies = [1, 2].map((device) => ({ device, registrationId: 0, payload: text(`for ${device}`) }))
  const frame = message(phone!, '', { copies })
  a.send(frame)
  await a.accepted(frame.id)
  await b.delivery('for 1')
  const other = await connect(laptop!, { acks: true })
  await other.delivery('for 2')
  const receiptOf2 = await a.receipt(Kind.DELIVERED, frame.id)
  t.deepEqual(receiptOf2.envelope.from, { user: laptop!.user, device: 2 })
  t.deepEqual(b.bodies, ['for 1'])
  t.deepEqual(other.bodies, ['for 2'])
})

test('a device sends to the other devices of its own user, and no receipt follows', async (t) => {
  const [phone, laptop] = await createAccount(server.databaseUrl, { devices: 2 })
  const a = await connect(phone!)
  const b = await connect(laptop!, { acks: true })
  const copies = [{ device: 2, registrationId: 0, payload: text('to myself') }]
  const frame = message(phone!, '', { copies })
  a.send(frame)
  await b.delivery('to myself')
  await a.accepted(frame.id)
  await waitUntil('the row is gone', async () => (await countRows(server.databaseUrl, laptop!)) === 0)
  await a.settled()
  t.is(a.all('deliver').length, 0)
})

test('receipts and device events cause no receipt', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const b = await connect(bob, { acks: true })
  const event = message(bob, 'keys changed', { kind: Kind.DEVICE_EVENT })
  const read = receipt(bob, Kind.READ, [randomUUID()])
  a.send(event, read)
  await b.waitFor('deliver', ({ envelope }) => envelope.kind === Kind.DEVICE_EVENT)
  await b.waitFor('deliver', ({ envelope }) => envelope.kind === Kind.READ)
  await a.accepted(event.id)
  await waitUntil('the rows are gone', async () => (await countRows(server.databaseUrl, bob)) === 0)
  await a.settled()
  t.is(a.all('deliver').length, 0)
})

test('a receipt for somebody whose account is gone counts as accepted', async (t) => {
  const b = await connect(await account())
  const frame = receipt({ user: 15_999_999_999 }, Kind.READ, [randomUUID()])
  b.send(frame)
  t.is((await b.accepted(frame.id)).id, frame.id)
})

test('the sender is always the session, whatever the copies say', async (t) => {
  const [alice, bob, eve] = [await account(), await account(), await account()]
  const b = await connect(bob)
  const e = await connect(eve, { json: true })
  const payload = Buffer.from('it is me').toString('base64')
  const from = { user: String(alice.user), device: 1 }
  const send = {
    id: randomUUID(),
    to: { user: String(bob.user) },
    kind: 'MESSAGE',
    from,
    copies: [{ device: 1, payload, from }],
  }
  e.sendRaw(JSON.stringify({ frames: [{ send: { ...send, envelope: { from } } }], from }))
  const { envelope } = await b.delivery('it is me')
  t.deepEqual(envelope.from, { user: eve.user, device: 1 })
})

test('sessions of the two encodings talk to each other', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice, { json: true, acks: true })
  const b = await connect(bob, { acks: true })
  const bytes = new Uint8Array(256).map((_, i) => i)
  const there = message(bob, bytes)
  a.send(there)
  const { envelope } = await b.waitFor('deliver', ({ envelope }) => envelope.id === there.id)
  t.deepEqual(envelope.payload, bytes)
  t.is((await a.accepted(there.id)).messageId, envelope.messageId)
  const back = message(alice, bytes)
  b.send(back)
  const answer = await a.waitFor('deliver', ({ envelope }) => envelope.id === back.id)
  t.deepEqual(answer.envelope.payload, bytes)
  t.deepEqual(answer.envelope.from, { user: bob.user, device: 1 })
  t.is((await b.accepted(back.id)).messageId, answer.envelope.messageId)
})
