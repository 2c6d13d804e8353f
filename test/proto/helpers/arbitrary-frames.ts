import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { Kind } from '../../../proto/frames.ts'
import type { ClientFrame, Copy, ErrorFrame, ServerFrame, WireAddress, WireEnvelope } from '../../../proto/frames.ts'

/** Frames with any values that their types allow, near the limits of the numbers too. */

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.uuid())
const payload = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 100, maxLength: 3_000 }))
const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }))
const uint64 = fc.oneof(fc.nat(300), fc.maxSafeNat())
const fixed64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const kind = fc.constantFrom(...Object.values(Kind))
const texts = fc.array(text, { maxLength: 5 })
const numbers = fc.array(uint32, { maxLength: 5 })
const users = fc.array(uint64, { maxLength: 5 })
const bool = fc.boolean()
const address: Arbitrary<WireAddress> = fc.record({ user: uint64, device: uint32 })
const copy: Arbitrary<Copy> = fc.record({ device: uint32, registrationId: uint32, payload })
const envelope: Arbitrary<WireEnvelope> = fc.record({
  messageId: fixed64,
  from: address,
  kind,
  id: text,
  payload,
  sentAt: uint64,
  about: texts,
})
const devices = fc.record({ missing: numbers, extra: numbers, stale: numbers })
const details: Arbitrary<NonNullable<ErrorFrame['details']>> = fc.record(
  { devices, number: uint64 },
  { requiredKeys: [] },
)

function type<T extends string>(name: T): Arbitrary<T> {
  return fc.constant(name)
}

const clientFrame: Arbitrary<ClientFrame> = fc.oneof(
  fc.record({ type: type('connect'), token: text, client: text, number: uint64, lastMessageId: fixed64 }),
  fc.record({
    type: type('send'),
    id: text,
    to: uint64,
    kind,
    copies: fc.array(copy, { maxLength: 4 }),
    about: texts,
    urgent: bool,
    ttl: uint32,
    first: bool,
  }),
  fc.record({ type: type('ack'), upTo: uint32 }),
  fc.record({ type: type('signal'), to: address, payload }),
  fc.record({ type: fc.constantFrom('watch' as const, 'unwatch' as const), users }),
  fc.record({ type: type('ping') }),
)

const error: Arbitrary<ErrorFrame> = fc.record(
  { type: type('error'), id: text, code: text, message: text, temporary: bool, retryAfterMs: uint32, details },
  { requiredKeys: ['type', 'id', 'code', 'message', 'temporary', 'retryAfterMs'] },
)

const serverFrame: Arbitrary<ServerFrame> = fc.oneof(
  fc.record({
    type: type('connected'),
    session: text,
    user: uint64,
    device: uint32,
    serverTime: uint64,
    pending: uint32,
    restoredAt: uint64,
    restoredTo: uint64,
  }),
  fc.record({ type: type('accepted'), id: text, messageId: fixed64, at: uint64, delivered: numbers }),
  fc.record({ type: type('deliver'), seq: uint32, envelope }),
  fc.record({ type: type('caughtUp') }),
  fc.record({ type: type('presence'), user: uint64, online: bool, lastSeen: uint64 }),
  fc.record({ type: type('signal'), from: address, payload }),
  fc.record({ type: type('pong') }),
  error,
  fc.record({ type: type('goaway'), reconnectAfterMs: uint32 }),
)

export const clientFrames = fc.array(clientFrame, { maxLength: 8 })
export const serverFrames = fc.array(serverFrame, { maxLength: 8 })
