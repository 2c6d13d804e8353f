import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import type {
  ArchivedMessage,
  Body,
  Chat,
  Content,
  LinkPreview,
  MessageReference,
  Version,
} from '../../../proto/content.ts'

/** Contents that a client may have written. */

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }))
const user = fc.integer({ min: 1, max: 999_999_999_999_999 })
const device = fc.integer({ min: 1, max: 8 })
const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 })
/** Without -0, which is written as 0. */
const degrees = (most: number) => fc.double({ min: -most, max: most, noNaN: true }).map((value) => value + 0)
const target: Arbitrary<MessageReference> = fc.record({ user, device, id: fc.uuid() })
const version: Arbitrary<Version> = fc.record({ epoch: fc.nat(), hash: sixteen })
const preview: Arbitrary<LinkPreview> = fc.record({
  url: text,
  title: text,
  description: text,
  thumbnail: fc.uint8Array(),
})
const chat: Arbitrary<Chat> = fc.oneof(
  fc.record({ type: fc.constant('user' as const), user }),
  fc.record({ type: fc.constant('group' as const), group: sixteen }),
)

const bytes = fc.uint8Array()
const archived: Arbitrary<ArchivedMessage> = fc.record({
  chat: user,
  user,
  device,
  sentAt: fc.maxSafeNat(),
  read: fc.boolean(),
  content: bytes,
  order: fc.maxSafeNat(),
  status: fc.nat(),
  deliveredTo: fc.array(device),
})

const body: Arbitrary<Body> = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text, preview }, { requiredKeys: ['type', 'text'] }),
  fc.record({
    type: fc.constant('location' as const),
    latitude: degrees(90),
    longitude: degrees(180),
    name: text,
    address: text,
  }),
  fc.record({ type: fc.constant('contact' as const), name: text, phone: text, vcard: text }),
  fc.record({ type: fc.constant('reaction' as const), target, emoji: text }),
  fc.record({ type: fc.constant('edit' as const), target, text }),
  fc.record({ type: fc.constant('delete' as const), target }),
  fc.record({
    type: fc.constant('sentTranscript' as const),
    content: bytes,
    order: fc.maxSafeNat(),
    sentAt: fc.maxSafeNat(),
    deliveredTo: fc.array(device),
  }),
  fc.record({
    type: fc.constant('trustSync' as const),
    user,
    accountKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    verified: fc.boolean(),
    accepted: fc.boolean(),
  }),
  fc.record({ type: fc.constant('readSync' as const), read: fc.array(target) }),
  fc.record({ type: fc.constant('archive' as const), messages: fc.array(archived), last: fc.boolean() }),
  fc.record({ type: fc.constant('resend' as const), content: bytes }),
  fc.constant({ type: 'sessionAck' as const }),
  fc.constant({ type: 'null' as const }),
)

export const content: Arbitrary<Content> = fc.record(
  {
    id: fc.uuid(),
    sentAtMs: fc.maxSafeNat(),
    chat,
    myList: version,
    yourList: version,
    groupState: version,
    expireSeconds: fc.nat(),
    replyTo: target,
    body,
  },
  { requiredKeys: ['id', 'sentAtMs', 'chat', 'body'] },
)
