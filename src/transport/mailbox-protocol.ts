import { Reader } from '../../proto/reader.ts'
import { Writer } from '../../proto/writer.ts'
import type { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, DeviceId, MessageId, UserId } from '../shared/ids.ts'

/**
 * What nodes say to each other about a mailbox, on its subject: `MailboxRequest` and `MailboxReply` in the protobuf wire
 * format. Field numbers stay, so that nodes of two versions understand each other.
 */
export type MailboxRequest =
  | {
      readonly type: 'batch'
      /** Undefined: the order of these envelopes does not matter. */
      readonly incarnation: string | undefined
      readonly envelopes: readonly Envelope[]
    }
  | { readonly type: 'wake' }
  /** A newer session of the device asks the older one to close. */
  | ({ readonly type: 'takeOver' } & TakeOverRequest)
  | { readonly type: 'signal'; readonly from: Address; readonly payload: Uint8Array }
  /** Whether the user is online there: a presence state answers it. */
  | { readonly type: 'presence' }
  /** The user may see others whom they could not see, or the other way round. */
  | { readonly type: 'privacy' }
  /** The device has been removed: a reply says that nothing more reaches it. */
  | { readonly type: 'removed' }
  | { readonly type: 'unknown' }

export interface TakeOverRequest {
  readonly registration: string
  /** Of the connection: within one registration the higher one stays. */
  readonly number: number
  readonly incarnation: string
}

export interface MailboxAnswer {
  readonly index: number
  readonly outcome: (typeof OUTCOMES)[number]
}

export interface MailboxReply {
  /** The actor that answers. */
  readonly incarnation: string
  readonly answers: readonly MailboxAnswer[]
  /** To a take-over: the number of the actor that was asked, if it is the newer one and stays; else 0. */
  readonly supersededBy: number
}

/** Each keeps its place; a node that does not know one takes it for `refused`. */
const OUTCOMES = ['accepted', 'delivered', 'refused', 'notHere', 'full'] as const

const Request = { batch: 1, wake: 2, takeOver: 3, signal: 4, presence: 5, privacy: 6, removed: 7 } as const
const BatchField = { incarnation: 1, ordered: 2, envelope: 3 } as const
const EnvelopeField = {
  messageId: 1,
  fromUser: 2,
  fromDevice: 3,
  kind: 4,
  id: 5,
  payload: 6,
  about: 7,
  urgent: 8,
  sentAt: 9,
  expiresAt: 10,
} as const
const TakeOverField = { number: 1, incarnation: 2, registration: 3 } as const
const SignalField = { fromUser: 1, fromDevice: 2, payload: 3 } as const
const ReplyField = { incarnation: 1, answer: 2, supersededBy: 3 } as const
const AnswerField = { index: 1, outcome: 2 } as const

const varint = (field: number): number => field << 3
const fixed = (field: number): number => (field << 3) | 1
const bytes = (field: number): number => (field << 3) | 2

const writer = new Writer()
const reader = new Reader()

export function encodeBatch(batch: {
  readonly incarnation: string | undefined
  readonly envelopes: readonly Envelope[]
}): Uint8Array {
  writer.begin()
  for (let i = batch.envelopes.length - 1; i >= 0; i--) {
    const before = writer.size
    writeEnvelope(batch.envelopes[i]!)
    writer.message(bytes(BatchField.envelope), before)
  }
  writer.bool(varint(BatchField.ordered), batch.incarnation !== undefined)
  writer.string(bytes(BatchField.incarnation), batch.incarnation ?? '')
  writer.message(bytes(Request.batch), 0)
  return writer.finish().slice()
}

export function encodeWake(): Uint8Array {
  writer.begin()
  writer.message(bytes(Request.wake), 0)
  return writer.finish().slice()
}

export function encodePresenceRequest(): Uint8Array {
  writer.begin()
  writer.message(bytes(Request.presence), 0)
  return writer.finish().slice()
}

export function encodePrivacyRequest(): Uint8Array {
  writer.begin()
  writer.message(bytes(Request.privacy), 0)
  return writer.finish().slice()
}

export function encodeRemovedRequest(): Uint8Array {
  writer.begin()
  writer.message(bytes(Request.removed), 0)
  return writer.finish().slice()
}

export function encodeTakeOver({ registration, number, incarnation }: TakeOverRequest): Uint8Array {
  writer.begin()
  writer.string(bytes(TakeOverField.registration), registration)
  writer.string(bytes(TakeOverField.incarnation), incarnation)
  writer.uint(varint(TakeOverField.number), number)
  writer.message(bytes(Request.takeOver), 0)
  return writer.finish().slice()
}

export function encodeSignal(from: Address, payload: Uint8Array): Uint8Array {
  writer.begin()
  writer.bytes(bytes(SignalField.payload), payload)
  writer.uint(varint(SignalField.fromDevice), from.device)
  writer.uint(varint(SignalField.fromUser), from.user)
  writer.message(bytes(Request.signal), 0)
  return writer.finish().slice()
}

export function encodeReply(reply: MailboxReply): Uint8Array {
  writer.begin()
  writer.uint(varint(ReplyField.supersededBy), reply.supersededBy)
  for (let i = reply.answers.length - 1; i >= 0; i--) {
    const before = writer.size
    writer.uint(varint(AnswerField.outcome), OUTCOMES.indexOf(reply.answers[i]!.outcome))
    writer.uint(varint(AnswerField.index), reply.answers[i]!.index)
    writer.message(bytes(ReplyField.answer), before)
  }
  writer.string(bytes(ReplyField.incarnation), reply.incarnation)
  return writer.finish().slice()
}

/** @throws DecodeError */
export function decodeRequest(data: Uint8Array, to: Address): MailboxRequest {
  reader.open(data)
  const tag = reader.tag()
  const end = reader.end()
  switch (tag >> 3) {
    case Request.batch:
      return readBatch(end, to)
    case Request.wake:
      return { type: 'wake' }
    case Request.takeOver:
      return readTakeOver(end)
    case Request.signal:
      return readSignal(end)
    case Request.presence:
      return { type: 'presence' }
    case Request.privacy:
      return { type: 'privacy' }
    case Request.removed:
      return { type: 'removed' }
    default:
      return { type: 'unknown' }
  }
}

/** @throws DecodeError */
export function decodeReply(data: Uint8Array): MailboxReply {
  reader.open(data)
  const answers: MailboxAnswer[] = []
  let incarnation = ''
  let supersededBy = 0
  readFields(data.length, (field, tag) => {
    if (field === ReplyField.incarnation) incarnation = reader.string()
    else if (field === ReplyField.answer) answers.push(readAnswer(reader.end()))
    else if (field === ReplyField.supersededBy) supersededBy = reader.uint64()
    else reader.skip(tag)
  })
  return { incarnation, answers, supersededBy }
}

function readFields(end: number, read: (field: number, tag: number) => void): void {
  while (reader.pos < end) {
    const tag = reader.tag()
    read(tag >> 3, tag)
  }
  reader.finish(end)
}

function readBatch(end: number, to: Address): MailboxRequest {
  const envelopes: Envelope[] = []
  let incarnation = ''
  let ordered = false
  readFields(end, (field, tag) => {
    if (field === BatchField.incarnation) incarnation = reader.string()
    else if (field === BatchField.ordered) ordered = reader.bool()
    else if (field === BatchField.envelope) envelopes.push(readEnvelope(reader.end(), to))
    else reader.skip(tag)
  })
  return { type: 'batch', incarnation: ordered ? incarnation : undefined, envelopes }
}

function readTakeOver(end: number): MailboxRequest {
  let registration = ''
  let number = 0
  let incarnation = ''
  readFields(end, (field, tag) => {
    if (field === TakeOverField.number) number = reader.uint64()
    else if (field === TakeOverField.incarnation) incarnation = reader.string()
    else if (field === TakeOverField.registration) registration = reader.string()
    else reader.skip(tag)
  })
  return { type: 'takeOver', registration, number, incarnation }
}

function readSignal(end: number): MailboxRequest {
  let user = 0
  let device = 0
  let payload: Uint8Array = new Uint8Array(0)
  readFields(end, (field, tag) => {
    if (field === SignalField.fromUser) user = reader.uint64()
    else if (field === SignalField.fromDevice) device = reader.uint32()
    else if (field === SignalField.payload) payload = reader.bytes()
    else reader.skip(tag)
  })
  return { type: 'signal', from: { user: user as UserId, device: device as DeviceId }, payload }
}

function readAnswer(end: number): MailboxAnswer {
  let index = 0
  let outcome: MailboxAnswer['outcome'] = 'refused'
  readFields(end, (field, tag) => {
    if (field === AnswerField.index) index = reader.uint32()
    else if (field === AnswerField.outcome) outcome = OUTCOMES[reader.uint32()] ?? 'refused'
    else reader.skip(tag)
  })
  return { index, outcome }
}

function writeEnvelope(envelope: Envelope): void {
  writer.uint(varint(EnvelopeField.expiresAt), envelope.expiresAt)
  writer.uint(varint(EnvelopeField.sentAt), envelope.sentAt)
  writer.bool(varint(EnvelopeField.urgent), envelope.urgent)
  for (let i = envelope.about.length - 1; i >= 0; i--) {
    writer.string(bytes(EnvelopeField.about), envelope.about[i]!)
  }
  writer.bytes(bytes(EnvelopeField.payload), envelope.payload)
  writer.string(bytes(EnvelopeField.id), envelope.id)
  writer.uint(varint(EnvelopeField.kind), envelope.kind)
  writer.uint(varint(EnvelopeField.fromDevice), envelope.from.device)
  writer.uint(varint(EnvelopeField.fromUser), envelope.from.user)
  writer.fixed64(fixed(EnvelopeField.messageId), envelope.messageId)
}

function readEnvelope(end: number, to: Address): Envelope {
  const from = { user: 0 as UserId, device: 0 as DeviceId }
  const about: string[] = []
  const envelope = {
    messageId: 0n as MessageId,
    from,
    to,
    kind: 0 as Kind,
    id: '',
    payload: new Uint8Array(0) as Uint8Array,
    about,
    urgent: false,
    sentAt: 0,
    expiresAt: 0,
  }
  readFields(end, (field, tag) => {
    if (field === EnvelopeField.messageId) envelope.messageId = reader.fixed64() as MessageId
    else if (field === EnvelopeField.fromUser) from.user = reader.uint64() as UserId
    else if (field === EnvelopeField.fromDevice) from.device = reader.uint32() as DeviceId
    else if (field === EnvelopeField.kind) envelope.kind = reader.uint32() as Kind
    else if (field === EnvelopeField.id) envelope.id = reader.string()
    else if (field === EnvelopeField.payload) envelope.payload = reader.bytes()
    else if (field === EnvelopeField.about) about.push(reader.string())
    else if (field === EnvelopeField.urgent) envelope.urgent = reader.bool()
    else if (field === EnvelopeField.sentAt) envelope.sentAt = reader.uint64()
    else if (field === EnvelopeField.expiresAt) envelope.expiresAt = reader.uint64()
    else reader.skip(tag)
  })
  return envelope
}
