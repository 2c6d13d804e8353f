import test from 'ava'
import { readHeader } from '../../../client/crypto/sessions/receive.ts'
import { decodeContent, encodeContent } from '../../../client/content.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import type { Message, OutgoingMessage } from '../../../client/message.ts'
import { Kind } from '../../../proto/frames.ts'
import type { DeliverFrame, SendFrame } from '../../../proto/frames.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { contentFor, damaged, Peer } from '../helpers/peer.ts'
import { ADDRESS, contentOf, envelopeOf, hint, ME, PEER, setUp, uuid } from '../helpers/scripted.ts'
import type { Setup } from '../helpers/scripted.ts'
import { differences, recordsOf } from '../helpers/stores.ts'
import type { WireEnd } from '../helpers/wire.ts'

const STRANGER = 15550000003
const HOUR_MS = 3_600_000
const phone = { user: PEER, device: 1 }

interface Asked extends Setup {
  readonly session: WireEnd
  readonly message: OutgoingMessage
  readonly sent: SendFrame
  /** The ratchet key that it went under. */
  readonly ratchetKey: Uint8Array
}

/** Somebody has sent a message that the peer cannot read. */
async function send(store = memoryStore()): Promise<Asked> {
  const made = await setUp({ store })
  const session = await made.wire.session(1)
  const message = made.client.sendText(PEER, 'Hello')
  const sent = await session.nthSent(Kind.MESSAGE)
  session.say({ type: 'accepted', id: message.id, messageId: 1n, at: 5, delivered: [1] })
  await made.client.whenAccepted(message)
  return { ...made, session, message, sent, ratchetKey: readHeader(payloadOf(sent)).ratchetKey }
}

function event(seq: number, payload: Uint8Array, from = phone): DeliverFrame {
  return { type: 'deliver', seq, envelope: { ...envelopeOf(seq, from, payload), kind: Kind.DEVICE_EVENT } }
}

const payloadOf = ({ copies }: SendFrame): Uint8Array => copies[0]?.payload ?? new Uint8Array(0)

/** What is in a message that was sent again. */
function resent({ peer }: Setup, frame: SendFrame): string {
  const { body } = peer.phone.open(ADDRESS, payloadOf(frame))
  if (body.type !== 'resend') return body.type
  const inner = decodeContent(body.content)
  return inner.body.type === 'text' ? `${inner.id} ${inner.body.text}` : inner.body.type
}

test('a message that could not be read goes again on a new session, under a new id, whatever was said of its delivery', async (t) => {
  const asked = await send()
  const { client, session, peer, message, ratchetKey } = asked
  const before = peer.station.count('take', PEER)
  session.say(event(1, await peer.phone.retry(ADDRESS, message.id, ratchetKey)))
  const again = await session.nthSent(Kind.DEVICE_EVENT)
  t.not(again.id, message.id)
  t.deepEqual(
    again.copies.map(({ device }) => device),
    [1],
  )
  t.is(resent(asked, again), `${message.id} Hello`)
  t.is(peer.station.count('take', PEER), before + 1)
  await client.close()
})

test('requests that are unsigned, foreign, old, or about another device change nothing and are not answered', async (t) => {
  const store = memoryStore()
  const { client, clock, session, peer, station, message, ratchetKey } = await send(store)
  const stranger = await Peer.create(station, STRANGER)
  const request = (change = {}): Promise<Uint8Array> => peer.phone.retry(ADDRESS, message.id, ratchetKey, change)
  const genuine = await request()
  const day = 24 * HOUR_MS
  const before = await recordsOf(store)
  const foreign = { user: STRANGER, device: 1 }
  session.say(
    event(1, damaged(genuine)),
    event(2, genuine.subarray(0, -1)),
    event(3, genuine, foreign),
    event(4, genuine, { user: PEER, device: 2 }),
    event(5, await request({ asked: { user: ME, device: 2 } })),
    event(6, await request({ requester: foreign })),
    event(7, await request({ ms: clock.now() - 36 * day })),
    event(8, await request({ ms: clock.now() + 36 * day })),
    event(9, await request({ group: true })),
    event(10, await stranger.phone.retry(ADDRESS, message.id, ratchetKey, { requester: phone })),
    event(11, await stranger.phone.retry(ADDRESS, message.id, ratchetKey), foreign),
  )
  await waitUntil('all are stored', () => session.all('ack').at(-1)?.upTo === 11)
  t.deepEqual(differences(before, await recordsOf(store)), [])
  t.is(session.sent(Kind.DEVICE_EVENT).length, 0)
  // The positive control.
  session.say(event(12, genuine))
  await session.nthSent(Kind.DEVICE_EVENT)
  await client.close()
})

test('a request that comes again under another id is answered once', async (t) => {
  const store = memoryStore()
  const { client, session, peer, message, ratchetKey } = await send(store)
  const request = await peer.phone.retry(ADDRESS, message.id, ratchetKey)
  session.say(event(1, request))
  await session.nthSent(Kind.DEVICE_EVENT)
  await client.chats()
  const before = await recordsOf(store)
  session.say(event(2, request), event(3, request))
  await waitUntil('they are stored', () => session.all('ack').at(-1)?.upTo === 3)
  t.deepEqual(differences(before, await recordsOf(store)), [])
  t.is(session.sent(Kind.DEVICE_EVENT).length, 1)
  await client.close()
})

test('a request about another ratchet key than the present one ends no session', async (t) => {
  const asked = await send()
  const { client, session, peer, message, ratchetKey } = asked
  t.is(peer.phone.read(ADDRESS, payloadOf(asked.sent)), 'Hello')
  const before = peer.station.count('take', PEER)
  const [first = 0, ...rest] = ratchetKey
  session.say(event(1, await peer.phone.retry(ADDRESS, message.id, Uint8Array.of(first ^ 1, ...rest))))
  t.is(resent(asked, await session.nthSent(Kind.DEVICE_EVENT)), `${message.id} Hello`)
  t.is(peer.station.count('take', PEER), before)
  await client.close()
})

test('what was never sent to the asker, or to anybody, is answered with nothing, on a new session', async (t) => {
  const asked = await send()
  const { client, session, peer, station, message, ratchetKey } = asked
  const stranger = await Peer.create(station, STRANGER)
  const from = { user: STRANGER, device: 1 }
  session.say({ type: 'deliver', seq: 1, envelope: envelopeOf(1, from, stranger.phone.text(ADDRESS, uuid(1), 'Hi')) })
  const ack = await session.nthSent(Kind.DEVICE_EVENT)
  session.say({ type: 'accepted', id: ack.id, messageId: 2n, at: 5, delivered: [] })
  t.is(stranger.phone.open(ADDRESS, payloadOf(ack)).body.type, 'sessionAck')
  session.say(
    event(2, await stranger.phone.retry(ADDRESS, message.id, ratchetKey), from),
    event(3, await peer.phone.retry(ADDRESS, uuid(77), ratchetKey)),
  )
  const answers = [await session.nthSent(Kind.DEVICE_EVENT, 2), await session.nthSent(Kind.DEVICE_EVENT, 3)]
  const [own, foreign] = answers[0]?.to === PEER ? answers : answers.toReversed()
  t.is(foreign && stranger.phone.open(ADDRESS, payloadOf(foreign)).body.type, 'null')
  t.is(own && resent(asked, own), 'null')
  await client.close()
})

test('what went again and could not be read either is asked for by its own id, and counted with the first', async (t) => {
  const asked = await send()
  const { client, session, peer, message, ratchetKey } = asked
  let [failedId, key] = [message.id, ratchetKey]
  for (let round = 1; round <= 5; round++) {
    peer.phone.nowMs += 1
    session.say(event(round, await peer.phone.retry(ADDRESS, failedId, key)))
    const again = await session.nthSent(Kind.DEVICE_EVENT, round)
    session.say({ type: 'accepted', id: again.id, messageId: 2n, at: 5, delivered: [] })
    t.is(resent(asked, again), `${message.id} Hello`)
    failedId = again.id
    key = readHeader(payloadOf(again)).ratchetKey
  }
  peer.phone.nowMs += 1
  session.say(event(6, await peer.phone.retry(ADDRESS, failedId, key)))
  await waitUntil('it is stored', () => session.all('ack').at(-1)?.upTo === 6)
  await client.chats()
  t.is(session.sent(Kind.DEVICE_EVENT).length, 5)
  await client.close()
})

test('a device that was added, installed anew, or put in the place of another gets nothing of what was sent before', async (t) => {
  const asked = await send()
  const { client, session, peer, message, ratchetKey } = asked
  let seq = 0
  const ask = async (device: number): Promise<string> => {
    seq += 1
    const { phone: first } = peer
    const asking = device === 1 ? first : peer.device(device)
    asking.nowMs += seq
    const request = await asking.retry(ADDRESS, message.id, ratchetKey)
    session.say(hint(2 * seq - 1, { devicesChanged: { user: String(PEER) } }))
    await waitUntil('it is heard', () => session.all('ack').at(-1)?.upTo === 2 * seq - 1)
    await waitUntil('the list is known', async () => {
      const known = await client.trust.of(PEER)
      return known?.devices.length === peer.devices.size
    })
    for (let turn = 0; turn < 5; turn++) await client.chats()
    session.say(event(2 * seq, request, { user: PEER, device }))
    const answer = await session.nthSent(Kind.DEVICE_EVENT, seq)
    session.say({ type: 'accepted', id: answer.id, messageId: 2n, at: 5, delivered: [] })
    return asking.open(ADDRESS, payloadOf(answer)).body.type
  }
  t.is(await ask(1), 'resend', 'the positive control')
  await peer.change(1, 2)
  peer.publishList()
  t.is(await ask(2), 'null')
  await peer.reinstall()
  t.is(await ask(1), 'null')
  await peer.beginAgain()
  t.is(await ask(1), 'null')
  await client.close()
})

test('what is asked for again, by somebody who then begins again under another key, does not go to that key', async (t) => {
  const { client, session, peer, station, message, ratchetKey } = await send()
  const blocked = Promise.withResolvers<void>()
  station.before = async (request) => {
    if (request === 'take') await blocked.promise
  }
  const taken = station.count('take', PEER)
  session.say(event(1, await peer.phone.retry(ADDRESS, message.id, ratchetKey)))
  await waitUntil('keys are asked for', () => station.count('take', PEER) > taken)
  await peer.beginAgain()
  blocked.resolve()
  client.sendText(PEER, 'Hello, new keys')
  const next = await session.nthSent(Kind.MESSAGE, 2)
  t.is(peer.phone.read(ADDRESS, payloadOf(next)), 'Hello, new keys')
  t.is(session.sent(Kind.DEVICE_EVENT).length, 0)
  t.like((await client.history(PEER))[0], { id: message.id, status: 'delivered' })
  await client.close()
})

test('what a restored server may have lost does not go to another account key than it went to', async (t) => {
  const made = await setUp()
  const { client, clock, peer, wire } = made
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  session.say({ type: 'accepted', id: message.id, messageId: 1n, at: 5, delivered: [] })
  await client.whenAccepted(message)
  await peer.beginAgain()
  session.say(hint(1, { identityChanged: { user: String(PEER) } }))
  await waitUntil('it is known', async () => (await client.trust.of(PEER))?.devices[0] !== undefined)
  session.end(1006)
  clock.advance(1_000)
  const restored = { restoredAt: clock.now(), restoredTo: clock.now() - HOUR_MS }
  const next = await wire.session(2, ME, 1, restored)
  await client.chats()
  client.sendText(PEER, 'Hello, new keys')
  const sent = await next.nthSent(Kind.MESSAGE)
  t.is(peer.phone.read(ADDRESS, payloadOf(sent)), 'Hello, new keys')
  t.is(next.sent(Kind.MESSAGE).length, 1)
  t.like((await client.history(PEER))[0], { id: message.id, status: 'accepted' })
  await client.close()
})

test('one message goes again five times at most, and a device may ask twenty times an hour', async (t) => {
  const asked = await send()
  const { client, clock, session, peer, message, ratchetKey } = asked
  const ask = async (seq: number, id: string): Promise<void> => {
    peer.phone.nowMs = clock.now() + seq
    session.say(event(seq, await peer.phone.retry(ADDRESS, id, ratchetKey)))
    await waitUntil('it is stored', () => session.all('ack').at(-1)?.upTo === seq)
    for (const { id: sentId } of session.sent(Kind.DEVICE_EVENT))
      session.say({ type: 'accepted', id: sentId, messageId: 2n, at: 5, delivered: [] })
  }
  for (let seq = 1; seq <= 7; seq++) await ask(seq, message.id)
  await session.nthSent(Kind.DEVICE_EVENT, 5)
  t.is(session.sent(Kind.DEVICE_EVENT).length, 5)
  for (let seq = 8; seq <= 25; seq++) await ask(seq, uuid(seq))
  await session.nthSent(Kind.DEVICE_EVENT, 18)
  t.is(session.sent(Kind.DEVICE_EVENT).length, 5 + 20 - 7, 'seven of the twenty were about the first')
  clock.jump(HOUR_MS)
  await ask(26, uuid(26))
  await session.nthSent(Kind.DEVICE_EVENT, 19)
  await client.close()
})

test('what cannot be read is shown as such, asked for, and shown in its place when it comes again', async (t) => {
  const { client, wire, peer, shown, deliver } = await setUp()
  const changed: Message[] = []
  client.on('changed', (message) => changed.push(message))
  const session = await wire.session(1)
  session.say(deliver(1))
  await session.nthSent(Kind.DEVICE_EVENT)
  const lost = deliver(2)
  session.say({ ...lost, envelope: { ...lost.envelope, payload: damaged(lost.envelope.payload) } }, deliver(3))
  await waitUntil('all is shown', () => shown.length === 3)
  t.deepEqual(shown.map(contentOf), ['text 1', 'undecrypted', 'text 3'])
  t.is(session.all('ack').at(-1)?.upTo, 3)
  session.say({
    type: 'accepted',
    id: session.sent(Kind.DEVICE_EVENT)[0]?.id ?? '',
    messageId: 1n,
    at: 5,
    delivered: [],
  })
  const request = payloadOf(await session.nthSent(Kind.DEVICE_EVENT, 2))
  t.is(request.length, 147)
  t.deepEqual([...request.subarray(0, 2)], [1, 8])
  // A resend of another device, or of what was read, changes nothing.
  const content = (text: string, number: number) => contentFor(ME, { type: 'text', text }, uuid(number))
  const resend = (text: string, number: number): Uint8Array =>
    peer.phone.seal(ADDRESS, contentFor(ME, { type: 'resend', content: encodeContent(content(text, number)) }))
  session.say(event(4, resend('another', 1)), event(5, resend('text 2', 2)), event(6, resend('once more', 2)))
  await waitUntil('it is shown', () => changed.length === 1)
  await waitUntil('all is stored', () => session.all('ack').at(-1)?.upTo === 6)
  await client.chats()
  t.deepEqual(changed.map(contentOf), ['text 2'])
  t.deepEqual((await client.history(PEER)).map(contentOf), ['text 1', 'text 2', 'text 3'])
  await client.close()
})

test('whatever was wrong with a message, the request for it looks the same', async (t) => {
  const { client, wire, peer, deliver } = await setUp()
  const session = await wire.session(1)
  session.say(deliver(1))
  const ack = await session.nthSent(Kind.DEVICE_EVENT)
  session.say({ type: 'accepted', id: ack.id, messageId: 1n, at: 5, delivered: [] })
  peer.phone.open(ADDRESS, payloadOf(ack))
  const tag = deliver(2)
  const taken = peer.station.take(ADDRESS)
  peer.phone.forget()
  // A first message whose keys are not here, and one of no session.
  const unknownKey = taken && { ...taken, signedPreKey: withId(taken.signedPreKey, 99) }
  peer.phone.start(ADDRESS, unknownKey)
  const preKey = deliver(3)
  peer.phone.forget()
  peer.phone.start(ADDRESS)
  const bare = deliver(4)
  const inner = bare.envelope.payload.subarray(-160 - 118)
  session.say({ ...tag, envelope: { ...tag.envelope, payload: damaged(tag.envelope.payload) } }, preKey, {
    ...bare,
    envelope: { ...bare.envelope, payload: inner },
  })
  const requests: SendFrame[] = []
  for (let number = 2; number <= 4; number++) requests.push(await session.nthSent(Kind.DEVICE_EVENT, number))
  const form = requests.map((frame) => [frame.copies.length, payloadOf(frame).length, ...payloadOf(frame).slice(0, 3)])
  t.deepEqual(form, [form[0], form[0], form[0]])
  t.deepEqual(form[0], [1, 147, 1, 8, 0])
  await client.close()
})

function withId(key: Uint8Array, id: number): Uint8Array {
  const changed = Uint8Array.from(key)
  new DataView(changed.buffer).setUint32(0, id)
  return changed
}
