import { randomUUID } from 'node:crypto'
import test from 'ava'
import { Kind } from '../../proto/frames.ts'
import type { SendFrame } from '../../proto/frames.ts'
import { Device, message, receipt, text } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { UNLIMITED } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'

const scope = new FileScope()
let server: TestServer

test.before(async () => {
  server = await startNode(scope)
})
test.after.always(() => scope.end())

const account = async (): Promise<RawDevice> => (await createAccount(server.databaseUrl))[0]!
const connect = (who: RawDevice, options = {}) => Device.connect(server.url, who.token, options)

const copy = (device: number, payload: Uint8Array | string = 'x', registrationId = 0) => ({
  device,
  registrationId,
  payload: typeof payload === 'string' ? text(payload) : payload,
})

/** What is wrong with a send, and the code that it is refused with. */
const badSends: Record<string, readonly [Partial<SendFrame>, string]> = {
  'an unknown user': [{ to: 15_999_999_999 }, 'UNKNOWN_USER'],
  'user 0': [{ to: 0 }, 'BAD_REQUEST'],
  'more digits than a phone number has': [{ to: 1_000_000_000_000_000 }, 'BAD_REQUEST'],
  'no copies': [{ copies: [] }, 'BAD_REQUEST'],
  'a missing device': [{ copies: [copy(2)] }, 'DEVICES_CHANGED'],
  'an extra device': [{ copies: [copy(1), copy(2)] }, 'DEVICES_CHANGED'],
  'a device that no user can have': [{ copies: [copy(4_294_967_295)] }, 'DEVICES_CHANGED'],
  'a device twice': [{ copies: [copy(1), copy(1)] }, 'DEVICES_CHANGED'],
  'an empty payload': [{ copies: [copy(1, '')] }, 'BAD_REQUEST'],
  'a payload over the limit': [{ copies: [copy(1, new Uint8Array(65_537))] }, 'TOO_LARGE'],
  '257 copies': [{ copies: Array.from({ length: 257 }, (_, i) => copy(i + 1)) }, 'TOO_LARGE'],
  'about on a message': [{ about: [randomUUID()] }, 'BAD_REQUEST'],
  'the kind DELIVERED': [{ kind: Kind.DELIVERED, copies: [], about: [randomUUID()] }, 'BAD_REQUEST'],
  'the kind EXPIRED': [{ kind: Kind.EXPIRED, copies: [], about: [randomUUID()] }, 'BAD_REQUEST'],
  'the kind GROUP_EVENT': [{ kind: Kind.GROUP_EVENT }, 'BAD_REQUEST'],
  'a kind of the future': [{ kind: 99 as Kind }, 'BAD_REQUEST'],
  'an id that is no UUID': [{ id: 'message-1' }, 'BAD_REQUEST'],
  'a receipt with copies': [{ kind: Kind.READ, about: [randomUUID()] }, 'BAD_REQUEST'],
  'a receipt about nothing': [{ kind: Kind.READ, copies: [] }, 'BAD_REQUEST'],
  'a receipt about something else than a UUID': [{ kind: Kind.READ, copies: [], about: ['a,b'] }, 'BAD_REQUEST'],
  'a receipt about 1,001 messages': [
    { kind: Kind.READ, copies: [], about: Array.from({ length: 1_001 }, () => randomUUID()) },
    'TOO_LARGE',
  ],
}

for (const [what, [flaw, code]] of Object.entries(badSends)) {
  test(`a send with ${what} is refused with ${code}, and the session stays`, async (t) => {
    const [alice, bob] = [await account(), await account()]
    const a = await connect(alice)
    const b = await connect(bob)
    const bad = message(bob, 'bad', flaw)
    a.send(bad)
    const error = await a.refused(bad.id)
    t.is(error.code, code)
    t.false(error.temporary)
    t.regex(error.message, /\w/)
    await a.say(bob, 'good', { first: true })
    await b.delivery('good')
    t.deepEqual(b.bodies, ['good'])
    t.is(a.all('error').length, 1)
    t.is(a.closed, undefined)
  })
}

test('DEVICES_CHANGED says which devices are missing, extra and stale', async (t) => {
  const [alice] = await createAccount(server.databaseUrl)
  const [bob] = await createAccount(server.databaseUrl, { devices: 3 })
  const a = await connect(alice!)
  const frame = message(bob!, '', { copies: [copy(3), copy(5), copy(1), copy(5)] })
  a.send(frame)
  t.deepEqual((await a.refused(frame.id)).details?.devices, { missing: [2], extra: [5, 5], stale: [] })
})

test('a payload of exactly the limit passes', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const b = await connect(bob)
  const frame = message(bob, new Uint8Array(65_536).fill(1))
  a.send(frame)
  await a.accepted(frame.id)
  const { envelope } = await b.waitFor('deliver')
  t.is(envelope.payload.length, 65_536)
})

test('after a refusal later sends to that user go back until one is the first; other chats are not touched', async (t) => {
  const [alice, bob, carol] = [await account(), await account(), await account()]
  const a = await connect(alice)
  const b = await connect(bob)
  const bad = message(bob, '', { copies: [copy(1), copy(2)] })
  const [two, three, other] = [message(bob, 'two'), message(bob, 'three'), message(carol, 'other chat')]
  a.send(bad, two, other, three)
  await a.accepted(other.id)
  t.is((await a.refused(bad.id)).code, 'DEVICES_CHANGED')
  for (const { id } of [two, three]) t.like(await a.refused(id), { code: 'RESEND_FROM_FIRST', temporary: true })
  a.send(message(bob, 'one', { id: bad.id, first: true }), two, three)
  await a.accepted(three.id)
  await b.delivery('three')
  t.deepEqual(b.bodies, ['one', 'two', 'three'])
})

test('a refusal holds back what follows it, not what came before it, also while the device list is looked up', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const b = await connect(bob)
  const tooLarge = message(bob, new Uint8Array(65_537))
  const batch = () =>
    [message(bob, 'one', { first: true }), message(bob, 'two'), tooLarge, message(bob, 'three')] as const
  for (const [one, two, bad, three] of [batch(), batch()]) {
    a.send(one, two, bad, three)
    await a.accepted(one.id)
    await a.accepted(two.id)
    t.is((await a.refused(bad.id)).code, 'TOO_LARGE')
    t.is((await a.refused(three.id)).code, 'RESEND_FROM_FIRST')
  }
  await b.settled()
  t.deepEqual(b.bodies, ['one', 'two', 'one', 'two'])
})

test('a refused chat that was forgotten for another one still begins with its first message', async (t) => {
  const small = await startNode(t, { config: { sender: { conversations: 1 } } })
  const [alice] = await createAccount(small.databaseUrl)
  const [bob] = await createAccount(small.databaseUrl)
  const [carol] = await createAccount(small.databaseUrl)
  const a = await Device.connect(small.url, alice!.token)
  const b = await Device.connect(small.url, bob!.token)
  const [one, two] = [message(bob!, 'one', { first: true }), message(bob!, 'two')]
  a.send(message(bob!, 'x', { id: 'bad' }))
  await a.say(carol!, 'takes the only place', { first: true })
  a.send(two)
  t.is((await a.refused(two.id)).code, 'RESEND_FROM_FIRST')
  a.send(one, two)
  await a.accepted(two.id)
  await b.delivery('two')
  t.deepEqual(b.bodies, ['one', 'two'])
})

test('a receipt to a user passes while messages to that user go back', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  const b = await connect(bob)
  const bad = message(bob, 'x', { id: 'bad' })
  const read = receipt(bob, Kind.READ, [randomUUID()])
  a.send(bad, read)
  await a.accepted(read.id)
  await b.receipt(Kind.READ, read.about[0]!)
  t.is(a.all('error').length, 1)
})

test('a chat goes on in a new session, whatever was refused in the last one', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  a.send(message(bob, 'x', { id: 'bad' }))
  await a.refused('bad')
  const next = await connect(alice)
  t.is(typeof (await next.say(bob, 'goes on')).messageId, 'bigint')
})

test('sends beyond the rate are refused with the time to wait, receipts are not counted', async (t) => {
  const limits = { ...(JSON.parse(UNLIMITED) as object), send: { burst: 3, perSecond: 0.5 } }
  const limited = await startNode(t, { env: { LIMITS: JSON.stringify(limits) } })
  const [alice] = await createAccount(limited.databaseUrl)
  const [bob] = await createAccount(limited.databaseUrl)
  const a = await Device.connect(limited.url, alice!.token)
  const frames = Array.from({ length: 5 }, (_, i) => message(bob!, String(i)))
  const reads = Array.from({ length: 20 }, () => receipt(bob!, Kind.READ, [randomUUID()]))
  a.send(...frames, ...reads)
  for (const { id } of [...frames.slice(0, 3), ...reads]) await a.accepted(id)
  const error = await a.refused(frames[3]!.id)
  t.like(error, { code: 'RATE_LIMITED', temporary: true })
  t.true(error.retryAfterMs > 0 && error.retryAfterMs <= 2_000)
  t.is((await a.refused(frames[4]!.id)).code, 'RATE_LIMITED')
})

test('unanswered sends are bounded: those over it are refused for now', async (t) => {
  const small = await startNode(t, { config: { sender: { unansweredBytes: 20_000 } } })
  const [alice] = await createAccount(small.databaseUrl)
  const [bob] = await createAccount(small.databaseUrl)
  const a = await Device.connect(small.url, alice!.token)
  const frames = Array.from({ length: 5 }, () => message(bob!, new Uint8Array(9_000)))
  a.send(...frames)
  await a.accepted(frames[1]!.id)
  for (const { id } of frames.slice(2)) {
    const error = await a.refused(id)
    t.true(error.temporary)
    t.true(['OVERLOADED', 'RESEND_FROM_FIRST'].includes(error.code))
  }
  t.true((await a.refused(frames[2]!.id)).retryAfterMs > 0)
  a.send({ ...frames[2]!, first: true })
  await a.accepted(frames[2]!.id)
})

test('a number that is written otherwise than it should be is nobody, and the answer says how it is written', async (t) => {
  const alice = await connect(await account())
  const wrong = 4_407_911_123_456
  const better = /\+447911123456, not \+4407911123456/
  alice.send(message({ user: wrong }, 'x'))
  const unknown = await alice.waitFor('error')
  t.is(unknown.code, 'UNKNOWN_USER')
  t.regex(unknown.message, better)
  const payload = new Uint8Array(1)
  alice.send(
    { type: 'watch', users: [wrong, 447_911_123_456] },
    { type: 'signal', to: { user: wrong, device: 0 }, payload },
  )
  for (const place of ['watch.users', 'signal.to']) {
    const { code, message: words } = await alice.waitFor('error', (frame) => frame.message.startsWith(place))
    t.is(code, 'BAD_REQUEST')
    t.regex(words, better)
  }
  t.is((await alice.waitFor('presence')).user, 447_911_123_456)
})
