import test from 'ava'
import { waitUntil } from '../helpers/wait-until.ts'
import { memoryStore } from '../../client/memory-store.ts'
import { accepted, ADDRESS, ME, PEER, setUp } from './helpers/scripted.ts'
import type { Setup } from './helpers/scripted.ts'
import type { WireEnd } from './helpers/wire.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

interface Wrong extends Setup {
  readonly session: WireEnd
  readonly errors: string[]
}

/** A client whose clock is off by so much, as its server tells it. */
async function setUpWrong(errorMs: number, store = memoryStore()): Promise<Wrong> {
  const made = await setUp({ store })
  const errors: string[] = []
  made.client.on('error', ({ message }) => errors.push(message))
  const serverTime = made.clock.now()
  made.clock.set(errorMs)
  const session = await made.wire.session(1, ME, 1, { serverTime })
  return { ...made, session, errors }
}

for (const [errorMs, told] of [
  [-3 * DAY_MS, 'The clock of this device is 3 days behind'],
  [40 * DAY_MS, 'The clock of this device is 40 days ahead'],
] as const) {
  test(`what needs a right clock waits, and goes on when it is set: ${told}`, async (t) => {
    const { client, clock, wire, session, errors, shown, deliver } = await setUpWrong(errorMs)
    t.deepEqual(errors, [`${told}: nothing can be encrypted or read until it is set; then all goes on by itself`])
    const message = client.sendText(PEER, 'hello')
    session.say(deliver(1), deliver(2))
    await session.nth('ack')
    clock.advance(30_000)
    await client.chats()
    t.deepEqual([session.all('send').length, shown.length], [0, 0])
    clock.set(-errorMs)
    clock.advance(10_000)
    clock.advance(1_000)
    const next = await wire.session(2, ME, 1, { serverTime: clock.now() })
    const sent = await next.nth('send')
    t.is(sent.id, message.id)
    await waitUntil('what waited is shown', () => shown.length === 2)
    t.deepEqual(
      shown.map(({ body }) => body),
      [
        { type: 'text', text: 'text 1' },
        { type: 'text', text: 'text 2' },
      ],
    )
    t.is(errors.length, 1)
    await client.close()
  })
}

test('a clock that is off by hours stops nothing: messages have the time of the server', async (t) => {
  const { client, clock, session, errors, receipts } = await setUpWrong(5 * HOUR_MS)
  t.deepEqual(errors, ['The clock of this device is 5 hours ahead: set it'])
  const message = client.sendText(PEER, 'hello')
  t.is(message.sentAt, clock.now() - 5 * HOUR_MS)
  session.say(accepted((await session.nth('send')).id, 1n))
  await waitUntil('it has ✓', () => receipts.length === 1)
  t.is(receipts[0]?.status, 'accepted')
  await client.close()
})

test('a chat stands where the server says that its last message was, also when it was written by a wrong clock', async (t) => {
  const { client, clock, wire, receipts } = await setUp()
  clock.set(DAY_MS / 2)
  // Before the server has told its time.
  const { sentAt } = client.sendText(PEER, 'hello')
  const session = await wire.session(1)
  session.say(accepted((await session.nth('send')).id, 1n))
  await waitUntil('it has ✓', () => receipts.length === 1)
  t.is(sentAt, clock.now())
  t.like((await client.chats())[0], { lastAt: receipts[0]?.sentAt })
  await client.close()
})

test('whoever sets the clock neither ends a connection nor keeps a dead one', async (t) => {
  const { client, clock, wire } = await setUp()
  const reasons: string[] = []
  client.on('connection', (state) => state.phase === 'offline' && reasons.push(state.reason))
  const session = await wire.session(1)
  for (const ms of [HOUR_MS, -2 * HOUR_MS]) {
    clock.set(ms)
    clock.advance(5_000)
    t.is(client.connection.phase, 'online')
  }
  clock.advance(25_000)
  await session.nth('ping')
  clock.advance(60_000)
  t.deepEqual(reasons, ['The server fell silent'])
  await client.close()
})

test('what the server puts off for a time waits that time, also when the clock is set back', async (t) => {
  const { client, clock, wire } = await setUp()
  const session = await wire.session(1)
  client.sendText(PEER, 'hello')
  const { id } = await session.nth('send')
  session.say({ type: 'error', id, code: 'RATE_LIMITED', message: '', temporary: true, retryAfterMs: 2_000 })
  await client.chats()
  clock.set(-HOUR_MS)
  clock.advance(4_000)
  t.is((await session.nth('send', 2)).id, id)
  await client.close()
})

test('a clock that is far ahead forgets nothing that came', async (t) => {
  const store = memoryStore()
  const { client, clock, wire, shown, deliver } = await setUp({ store })
  const serverTime = clock.now()
  const first = await wire.session(1, ME, 1, { serverTime })
  first.say(deliver(1))
  await waitUntil('it is shown', () => shown.length === 1)
  clock.set(40 * DAY_MS)
  first.end(1006)
  clock.advance(1_000)
  const second = await wire.session(2, ME, 1, { serverTime: serverTime + 1_000 })
  second.say({ type: 'caughtUp' })
  await client.chats()
  clock.set(-40 * DAY_MS)
  clock.advance(10_000)
  clock.advance(1_000)
  const third = await wire.session(3, ME, 1, { serverTime: clock.now() })
  third.say(deliver(1), deliver(2))
  await waitUntil('the new one is shown', () => shown.length === 2)
  t.deepEqual(
    shown.map(({ id }) => id.at(-1)),
    ['1', '2'],
  )
  t.is(client.address?.user, ADDRESS.user)
  await client.close()
})
