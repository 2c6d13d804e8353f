import test from 'ava'
import { RefusedError } from '../../client/errors.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { ADDRESS, PEER, setUp } from './helpers/scripted.ts'

const texts = (messages: readonly { body: { type: string } }[]): string[] =>
  messages.map(({ body }) => ('text' in body ? String(body.text) : body.type))

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
