import test from 'ava'
import { concat } from '../../../client/crypto/bytes.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import type { ServerFrame } from '../../../proto/frames.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { damaged, Peer } from '../helpers/peer.ts'
import { ADDRESS, newWorld, PEER, setUp } from '../helpers/scripted.ts'
import type { Setup } from '../helpers/scripted.ts'
import { recordsOf } from '../helpers/stores.ts'
import type { WireEnd } from '../helpers/wire.ts'

const STRANGER = 15550000003
const MINUTE_MS = 60_000
const phone = { user: PEER, device: 1 }
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

interface Met extends Setup {
  readonly session: WireEnd
  readonly heard: string[]
}

/** A client and a peer that have a session. */
async function meet(deviceCount = 1, store = memoryStore()): Promise<Met> {
  const made = await setUp({ store }, await newWorld(deviceCount))
  const heard: string[] = []
  made.client.on('signal', ({ from, payload }) =>
    heard.push(`${from.user}.${from.device} ${new TextDecoder().decode(payload)}`),
  )
  const session = await made.wire.session(1)
  const deliveries = Array.from({ length: deviceCount }, (_, i) =>
    made.deliver(i + 1, i + 1, { from: { user: PEER, device: i + 1 } }),
  )
  session.say(...deliveries)
  await waitUntil('all are read', () => made.shown.length === deviceCount)
  return { ...made, session, heard }
}

function signal(payload: Uint8Array, from = phone): ServerFrame {
  return { type: 'signal', from, payload }
}

test('a signal goes encrypted to each device that there is a session with, and is opened there', async (t) => {
  const { client, session, peer } = await meet(2)
  client.signal({ user: PEER, device: 0 }, text('ring'))
  client.signal({ user: PEER, device: 2 }, text('ring again'))
  await session.nth('signal', 3)
  const signals = session.all('signal')
  t.deepEqual(
    signals.map(({ to, payload }) => [
      to.device,
      new TextDecoder().decode(peer.device(to.device).openSignal(ADDRESS, payload)),
    ]),
    [
      [1, 'ring'],
      [2, 'ring'],
      [2, 'ring again'],
    ],
  )
  for (const { payload } of signals) t.false(Buffer.from(payload).includes('ring'))
  await client.close()
})

test('no signal is worth a pre-key: without a session nothing goes out and nothing is asked', async (t) => {
  const { client, wire, station } = await setUp()
  const session = await wire.session(1)
  await client.chats()
  const before = station.requests.length
  client.signal({ user: PEER, device: 0 }, text('ring'))
  client.typing(PEER)
  await client.chats()
  t.is(session.all('signal').length, 0)
  t.is(station.requests.length, before)
  await client.close()
})

test('a signal is heard once; what is old, damaged, foreign or of nobody is not, and changes nothing', async (t) => {
  const store = memoryStore()
  const { client, clock, session, peer, station, heard } = await meet(2, store)
  const stranger = await Peer.create(station, STRANGER)
  stranger.phone.start(ADDRESS)
  const now = clock.now()
  const id = new Uint8Array(16).fill(1)
  const good = peer.phone.signal(ADDRESS, text('good'), now)
  const before = await recordsOf(store)
  session.say(
    signal(good),
    signal(good),
    signal(peer.phone.signal(ADDRESS, text('first'), now, id)),
    signal(peer.phone.signal(ADDRESS, text('the same id'), now, id)),
    signal(peer.phone.signal(ADDRESS, text('old'), now - 5 * MINUTE_MS - 1)),
    signal(peer.phone.signal(ADDRESS, text('of the future'), now + 5 * MINUTE_MS + 1)),
    signal(peer.phone.signal(ADDRESS, text('nearly old'), now - 5 * MINUTE_MS)),
    signal(damaged(peer.phone.signal(ADDRESS, text('damaged'), now))),
    signal(peer.phone.signal(ADDRESS, text('of another device'), now), { user: PEER, device: 2 }),
    signal(peer.phone.signal(ADDRESS, text('of another user'), now), { user: STRANGER, device: 1 }),
    signal(stranger.phone.signal(ADDRESS, text('of a stranger'), now), { user: STRANGER, device: 1 }),
    signal(stranger.phone.signal(ADDRESS, text('as somebody else'), now)),
    signal(new Uint8Array(0)),
    signal(Uint8Array.of(0, 1)),
    signal(concat(good, Uint8Array.of(0))),
    signal(peer.phone.text(ADDRESS, '00000000-0000-4000-8000-000000000001', 'a message')),
    signal(peer.device(2).signal(ADDRESS, text('of the tablet'), now), { user: PEER, device: 2 }),
  )
  await waitUntil('the last is heard', () => heard.some((one) => one.endsWith('of the tablet')))
  t.deepEqual(heard, [`${PEER}.1 good`, `${PEER}.1 first`, `${PEER}.1 nearly old`, `${PEER}.2 of the tablet`])
  t.deepEqual(await recordsOf(store), before)
  await client.close()
})

test('signals that are dropped cost no message', async (t) => {
  const { client, session, peer, shown, deliver } = await meet()
  for (let i = 0; i < 3_000; i++) peer.phone.signal(ADDRESS, text('dropped'))
  session.say(deliver(2))
  await waitUntil('it is read', () => shown.length === 2)
  t.like(shown[1], { body: { type: 'text', text: 'text 2' } })
  await client.close()
})

test("the server's clock decides what is old, where this one's is wrong", async (t) => {
  const { client, clock, wire, peer, shown, deliver } = await setUp()
  const heard: Uint8Array[] = []
  client.on('signal', ({ payload }) => heard.push(payload))
  await waitUntil('a connection is made', () => wire.ends.length === 1)
  const [end] = wire.ends
  end?.open()
  await end?.nth('connect')
  const serverTime = clock.now() + 3 * 3_600_000
  end?.say({ type: 'connected', session: 's', ...ADDRESS, serverTime, pending: 0, restoredAt: 0, restoredTo: 0 })
  end?.say(deliver(1))
  await waitUntil('it is read', () => shown.length === 1)
  end?.say(signal(peer.phone.signal(ADDRESS, text('local'), clock.now())))
  end?.say(signal(peer.phone.signal(ADDRESS, text("the server's"), serverTime)))
  await waitUntil('one is heard', () => heard.length === 1)
  t.deepEqual(heard, [text("the server's")])
  client.signal(phone, text('answer'))
  const sent = await end?.nth('signal')
  t.truthy(sent && peer.phone.openSignal(ADDRESS, sent.payload))
  await client.close()
})
