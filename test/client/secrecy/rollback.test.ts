import test from 'ava'
import { memoryStore } from '../../../client/memory-store.ts'
import type { Message } from '../../../client/message.ts'
import { readHeader } from '../../../client/crypto/sessions/receive.ts'
import { decodeRatchetMessage } from '../../../client/crypto/wire/ratchet-message.ts'
import { decodeContent, encodeContent } from '../../../client/content.ts'
import { textContent } from '../../../client/contents.ts'
import { decodeRetryReceipt } from '../../../client/crypto/wire/retry-receipt.ts'
import { Kind } from '../../../proto/frames.ts'
import type { SendFrame } from '../../../proto/frames.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { contentFor } from '../helpers/peer.ts'
import { ADDRESS, contentOf, envelopeOf, ME, newWorld, PEER, setUp, uuid } from '../helpers/scripted.ts'
import { lasting, recordsOf, storeOf } from '../helpers/stores.ts'

const phone = { user: PEER, device: 1 }
const payloadOf = (frame: SendFrame): Uint8Array => frame.copies[0]?.payload ?? new Uint8Array(0)
const xor = (a: Uint8Array, b: Uint8Array): string =>
  Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0))).toString('hex')

test('a store that went back sends under keys that were used, without giving anything away, and what it sends arrives', async (t) => {
  const world = await newWorld()
  const store = lasting(memoryStore())
  const first = await setUp({ store }, world)
  const { peer } = world
  const session = await first.wire.session(1)
  session.say(first.deliver(1))
  await waitUntil('it is read', () => first.shown.length === 1)
  peer.phone.open(ADDRESS, payloadOf(await session.nthSent(Kind.DEVICE_EVENT)))
  session.say({
    type: 'accepted',
    id: session.sent(Kind.DEVICE_EVENT)[0]?.id ?? '',
    messageId: 1n,
    at: 5,
    delivered: [],
  })
  await first.client.chats()
  const early = await recordsOf(store)
  const one = first.client.sendText(PEER, 'one')
  const used = payloadOf(await session.nthSent(Kind.MESSAGE))
  session.say({ type: 'accepted', id: one.id, messageId: 2n, at: 5, delivered: [] })
  await first.client.whenAccepted(one)
  await first.client.close()
  t.is(peer.phone.read(ADDRESS, used), 'one')

  const { client, wire } = await setUp({ store: lasting(await storeOf(early)) }, world)
  const next = await wire.session(1)
  const two = client.sendText(PEER, 'two')
  const again = payloadOf(await next.nthSent(Kind.MESSAGE))
  const [a, b] = [decodeRatchetMessage(used), decodeRatchetMessage(again)]
  t.deepEqual([a.ratchetKey, a.number], [b.ratchetKey, b.number], 'the key of a message comes again')
  t.notDeepEqual(a.nonce, b.nonce)
  const plain = (id: string, text: string): Uint8Array =>
    encodeContent(textContent({ id, chat: PEER, sentAtMs: one.sentAt, text }))
  t.is(a.box.length, b.box.length)
  const difference = xor(plain(one.id, 'one'), plain(two.id, 'two')).replaceAll(/^0+|0+$/g, '')
  t.true(difference.length > 8)
  t.false(xor(a.box.slice(16), b.box.slice(16)).includes(difference), 'no stream comes twice')
  t.throws(() => peer.phone.open(ADDRESS, again), { code: 'DUPLICATE' })
  next.say({ type: 'accepted', id: two.id, messageId: 3n, at: 5, delivered: [1] })
  await client.whenAccepted(two)

  const { ratchetKey } = readHeader(again)
  const request = await peer.phone.retry(ADDRESS, two.id, ratchetKey)
  next.say({ type: 'deliver', seq: 1, envelope: { ...envelopeOf(2, phone, request), kind: Kind.DEVICE_EVENT } })
  const { body } = peer.phone.open(ADDRESS, payloadOf(await next.nthSent(Kind.DEVICE_EVENT)))
  t.is(body.type, 'resend')
  t.like(body.type === 'resend' ? decodeContent(body.content) : undefined, { id: two.id, body: { text: 'two' } })
  client.sendText(PEER, 'three')
  t.is(peer.phone.read(ADDRESS, payloadOf(await next.nthSent(Kind.MESSAGE, 2))), 'three')
  await client.close()
})

test('what a peer sends whose store went back is asked for again, and shown in its place', async (t) => {
  const { client, wire, peer, shown, deliver } = await setUp()
  const changed: Message[] = []
  client.on('changed', (message) => changed.push(message))
  const session = await wire.session(1)
  session.say(deliver(1))
  await waitUntil('it is read', () => shown.length === 1)
  const ack = await session.nthSent(Kind.DEVICE_EVENT)
  session.say({ type: 'accepted', id: ack.id, messageId: 1n, at: 5, delivered: [] })
  peer.phone.open(ADDRESS, payloadOf(ack))
  const goBack = peer.phone.remember()
  session.say(deliver(2))
  await waitUntil('it is read', () => shown.length === 2)
  goBack()
  session.say(deliver(3))
  await waitUntil('it is shown that something is missing', () => shown.length === 3)
  t.deepEqual(shown.map(contentOf), ['text 1', 'text 2', 'undecrypted'])
  const request = decodeRetryReceipt(payloadOf(await session.nthSent(Kind.DEVICE_EVENT, 2)))
  t.deepEqual([request.requester, request.asked], [ADDRESS, phone])
  peer.phone.forget()
  const content = encodeContent(textContent({ id: uuid(3), chat: ME, sentAtMs: 5, text: 'text 3' }))
  const resend = peer.phone.seal(ADDRESS, contentFor(ME, { type: 'resend', content }))
  session.say({ type: 'deliver', seq: 4, envelope: { ...envelopeOf(4, phone, resend), kind: Kind.DEVICE_EVENT } })
  await waitUntil('it is shown', () => changed.length === 1)
  t.deepEqual((await client.history(PEER)).map(contentOf), ['text 1', 'text 2', 'text 3'])
  await client.close()
})
