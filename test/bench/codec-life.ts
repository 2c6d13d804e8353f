import { randomBytes, randomUUID } from 'node:crypto'
import { encodeClientFrames } from '../../proto/codec.ts'
import { Kind } from '../../proto/frames.ts'
import type { ClientFrame, ServerFrame, WireEnvelope } from '../../proto/frames.ts'

/** What the bench asks of a codec: the two directions of a server. Bytes may be views that the next call overwrites. */
export interface Codec {
  decodeClientFrames(bytes: Uint8Array): readonly ClientFrame[]
  encodeServerFrames(frames: readonly ServerFrame[]): Uint8Array
}

const PAYLOAD_BYTES = 150
const NO_BYTES = new Uint8Array(0)

/** The seven frames that a server decodes and encodes for one message between two online devices, by hop. */
export interface Life {
  readonly send: ClientFrame
  readonly accepted: ServerFrame
  readonly deliver: ServerFrame
  readonly ack: ClientFrame
  readonly deliverDelivered: ServerFrame
  readonly read: ClientFrame
  readonly deliverRead: ServerFrame
}

/** An id as a decoder makes it: randomUUID's is a string of many pieces. */
function makeId(): string {
  return Buffer.from(randomUUID()).toString()
}

export function makeLife(index: number): Life {
  const id = makeId()
  const readId = makeId()
  const now = 1_790_000_000_000 + index
  const alice = { user: 491_510_000_001, device: 1 }
  const bob = { user: 15_550_000_002, device: 2 }
  const payload = randomBytes(PAYLOAD_BYTES)
  const messageId = (step: number) => (BigInt(now + step) << 22n) | (517n << 12n) | BigInt(index % 4096)
  const envelope = (part: Partial<WireEnvelope>): WireEnvelope => ({
    messageId: messageId(0),
    from: alice,
    kind: Kind.MESSAGE,
    id,
    payload: NO_BYTES,
    sentAt: now,
    about: [],
    ...part,
  })
  const send = { type: 'send', copies: [], about: [], urgent: false, ttl: 0, first: false } as const
  return {
    send: {
      ...send,
      id,
      to: bob.user,
      kind: Kind.MESSAGE,
      copies: [{ device: 2, registrationId: 9_001, payload }],
      urgent: true,
    },
    accepted: { type: 'accepted', id, messageId: messageId(0), at: now, delivered: [] },
    deliver: { type: 'deliver', seq: index + 1, envelope: envelope({ payload }) },
    ack: { type: 'ack', upTo: index + 1 },
    deliverDelivered: {
      type: 'deliver',
      seq: index + 1,
      envelope: envelope({ messageId: messageId(1), from: bob, kind: Kind.DELIVERED, id: readId, about: [id] }),
    },
    read: { ...send, id: readId, to: alice.user, kind: Kind.READ, about: [id] },
    deliverRead: {
      type: 'deliver',
      seq: index + 2,
      envelope: envelope({ messageId: messageId(2), from: bob, kind: Kind.READ, id: readId, about: [id] }),
    },
  }
}

/** One hop of many lives: batches to decode (with what they hold), or batches to encode. */
export type Hop =
  | { readonly decode: readonly Uint8Array[]; readonly frames: readonly (readonly ClientFrame[])[] }
  | { readonly encode: readonly (readonly ServerFrame[])[] }

/** Lays `lives` out as the seven hops, each in batches of `perBatch` frames. */
export function makeHops(lives: readonly Life[], perBatch: number): Hop[] {
  function batches<T>(pick: (life: Life) => T): T[][] {
    const frames = lives.map(pick)
    return Array.from({ length: lives.length / perBatch }, (_, i) => frames.slice(i * perBatch, (i + 1) * perBatch))
  }
  const decode = (pick: (life: Life) => ClientFrame): Hop => {
    const frames = batches(pick)
    return { frames, decode: frames.map((batch) => encodeClientFrames(batch).slice()) }
  }
  const encode = (pick: (life: Life) => ServerFrame): Hop => ({ encode: batches(pick) })
  return [
    decode((life) => life.send),
    encode((life) => life.accepted),
    encode((life) => life.deliver),
    decode((life) => life.ack),
    encode((life) => life.deliverDelivered),
    decode((life) => life.read),
    encode((life) => life.deliverRead),
  ]
}
