import test from 'ava'
import fc from 'fast-check'
import type { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { Address, DeviceId, MessageId, UserId } from '../../src/shared/ids.ts'
import {
  decodeReply,
  decodeRequest,
  encodeBatch,
  encodePresenceRequest,
  encodePrivacyRequest,
  encodeRemovedRequest,
  encodeReply,
  encodeSignal,
  encodeTakeOver,
  encodeWake,
} from '../../src/transport/mailbox-protocol.ts'
import type { MailboxReply } from '../../src/transport/mailbox-protocol.ts'
import { decodes } from '../helpers/decodes.ts'

const addresses: fc.Arbitrary<Address> = fc.record({
  user: fc.integer({ min: 1, max: 999_999_999_999_999 }).map((user) => user as UserId),
  device: fc.integer({ min: 1, max: 8 }).map((device) => device as DeviceId),
})
const times = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const texts = fc.string({ unit: 'grapheme', maxLength: 40 })
const payloads = fc.uint8Array({ maxLength: 300 })

const envelopesTo = (to: Address): fc.Arbitrary<Envelope> =>
  fc.record({
    messageId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map((id) => id as MessageId),
    from: addresses,
    to: fc.constant(to),
    kind: fc.integer({ min: 0, max: 7 }).map((kind) => kind as Kind),
    id: texts,
    payload: payloads,
    about: fc.array(fc.uuid(), { maxLength: 5 }),
    urgent: fc.boolean(),
    sentAt: times,
    expiresAt: times,
  })

const batches = addresses.chain((to) =>
  fc.record({
    to: fc.constant(to),
    incarnation: fc.option(texts, { nil: undefined }),
    envelopes: fc.array(envelopesTo(to), { maxLength: 5 }),
  }),
)

const replies: fc.Arbitrary<MailboxReply> = fc.record({
  incarnation: texts,
  answers: fc.array(
    fc.record({
      index: fc.integer({ min: 0, max: 100_000 }),
      outcome: fc.constantFrom('accepted', 'delivered', 'refused', 'notHere'),
    }),
    { maxLength: 20 },
  ),
  supersededBy: fc.nat(),
})

const TO = { user: 15_550_000_001 as UserId, device: 1 as DeviceId }

test('a batch comes back as it was', (t) => {
  fc.assert(
    fc.property(batches, ({ to, incarnation, envelopes }) => {
      const decoded = decodeRequest(encodeBatch({ incarnation, envelopes }), to)
      t.deepEqual(decoded, { type: 'batch', incarnation, envelopes })
    }),
    { numRuns: 300 },
  )
})

test('no incarnation, an empty one and a named one are told apart', (t) => {
  for (const incarnation of [undefined, '', 'n1-7']) {
    t.deepEqual(decodeRequest(encodeBatch({ incarnation, envelopes: [] }), TO), {
      type: 'batch',
      incarnation,
      envelopes: [],
    })
  }
})

test('a take-over, a wake, a signal, a removal and what is asked about presence come back as they were', (t) => {
  fc.assert(
    fc.property(times, texts, addresses, payloads, (number, incarnation, from, payload) => {
      const asker = { registration: incarnation.toUpperCase(), number, incarnation }
      t.deepEqual(decodeRequest(encodeTakeOver(asker), TO), { type: 'takeOver', ...asker })
      t.deepEqual(decodeRequest(encodeSignal(from, payload), TO), { type: 'signal', from, payload })
    }),
  )
  t.deepEqual(decodeRequest(encodeWake(), TO), { type: 'wake' })
  t.deepEqual(decodeRequest(encodePresenceRequest(), TO), { type: 'presence' })
  t.deepEqual(decodeRequest(encodePrivacyRequest(), TO), { type: 'privacy' })
  t.deepEqual(decodeRequest(encodeRemovedRequest(), TO), { type: 'removed' })
})

test('a reply comes back as it was', (t) => {
  fc.assert(
    fc.property(replies, (reply) => {
      t.deepEqual(decodeReply(encodeReply(reply)), reply)
    }),
  )
})

test('two encoded messages do not share their bytes', (t) => {
  const first = encodeReply({ incarnation: 'first', answers: [], supersededBy: 0 })
  encodeReply({ incarnation: 'OTHER', answers: [], supersededBy: 7 })
  t.is(decodeReply(first).incarnation, 'first')
})

test('a truncated message decodes to something shorter or is a DecodeError', (t) => {
  fc.assert(
    fc.property(batches, replies, fc.double({ min: 0, max: 0.999, noNaN: true }), (batch, reply, part) => {
      const request = encodeBatch(batch)
      t.false(decodes(() => decodeRequest(request.subarray(0, Math.floor(request.length * part)), batch.to)))
      const answer = encodeReply(reply)
      decodes(() => decodeReply(answer.subarray(0, Math.floor(answer.length * part))))
    }),
  )
  t.false(decodes(() => decodeRequest(new Uint8Array(0), TO)))
})

test('random bytes give a DecodeError or a message, and nothing else', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(10, 18, 26, 34, 42), (bytes, tag) => {
      decodes(() => decodeRequest(bytes, TO))
      decodes(() => decodeReply(bytes))
      decodes(() => decodeRequest(new Uint8Array([tag, bytes.length, ...bytes]), TO))
      decodes(() => decodeReply(new Uint8Array([tag, bytes.length, ...bytes])))
    }),
    { numRuns: 2_000 },
  )
  t.false(decodes(() => decodeRequest(new Uint8Array([10, 200, 1]), TO)))
})

test('a request of a later version is unknown, and unknown fields of a known one are left out', (t) => {
  t.deepEqual(decodeRequest(new Uint8Array([(9 << 3) | 2, 0]), TO), { type: 'unknown' })
  const wake = new Uint8Array([(2 << 3) | 2, 2, (7 << 3) | 0, 1])
  t.deepEqual(decodeRequest(wake, TO), { type: 'wake' })
  t.deepEqual(decodeReply(new Uint8Array([10, 1, 120, (12 << 3) | 0, 1])), {
    incarnation: 'x',
    answers: [],
    supersededBy: 0,
  })
})

test('an outcome of a later version counts as refused', (t) => {
  const reply = new Uint8Array([(2 << 3) | 2, 4, (1 << 3) | 0, 3, (2 << 3) | 0, 99])
  t.deepEqual(decodeReply(reply).answers, [{ index: 3, outcome: 'refused' }])
})
