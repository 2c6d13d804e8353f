import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Content } from '../../client/content.ts'
import { textContent } from '../../client/contents.ts'
import { openFileStore } from '../../client/file-store.ts'
import { memoryStore } from '../../client/memory-store.ts'
import type { Store } from '../../client/store.ts'
import type { Kind } from '../../proto/frames.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { ManualClock } from './helpers/manual-clock.ts'
import { ADDRESS, ME, newWorld, PEER, setUp, uuid } from './helpers/scripted.ts'

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

test('a session that has caught up forgets the marks of what cannot come again, and no others', async (t) => {
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
    session.say(deliver(1, number), { type: 'caughtUp' })
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
