import { randomBytes, randomUUID } from 'node:crypto'
import { encodeClientFrames, encodeServerFrames } from '../../proto/codec.ts'
import { Kind } from '../../proto/frames.ts'
import type { SendFrame, ServerFrame } from '../../proto/frames.ts'

/**
 * The messages of the relay: as long as those of Parley for the same frame, each a WebSocket message of its own, but laid
 * out so that nothing needs to be decoded: a byte that says what it is, the number of the user it is for or from (32
 * bits), and filler, which in a `send` is the payload too.
 */
export const RelayKind = { send: 1, ack: 2, read: 3, accepted: 4, deliver: 5, delivered: 6, readReceipt: 7 } as const

/** Where the number of the user stands. */
export const USER_AT = 1

/** Bytes of each message. */
export function relaySizes(payloadBytes: number): Readonly<Record<keyof typeof RelayKind, number>> {
  const now = 1_790_000_000_000
  const id = randomUUID()
  const messageId = BigInt(now) << 22n
  const send: SendFrame = {
    type: 'send',
    id,
    to: 15_550_000_002,
    kind: Kind.MESSAGE,
    copies: [{ device: 1, registrationId: 0, payload: randomBytes(payloadBytes) }],
    about: [],
    urgent: true,
    ttl: 0,
    first: false,
  }
  const deliver = (kind: Kind, about: string[], payload: Uint8Array): ServerFrame => ({
    type: 'deliver',
    seq: 1_000,
    envelope: {
      messageId,
      from: { user: 15_550_000_001, device: 1 },
      kind,
      // The server's own receipt has none.
      id: kind === Kind.DELIVERED ? '' : id,
      payload,
      sentAt: now,
      about,
    },
  })
  const none = new Uint8Array(0)
  const server = (frame: ServerFrame): number => encodeServerFrames([frame]).length
  return {
    send: encodeClientFrames([send]).length,
    ack: encodeClientFrames([{ type: 'ack', upTo: 1_000 }]).length,
    read: encodeClientFrames([{ ...send, kind: Kind.READ, copies: [], about: [id], urgent: false }]).length,
    accepted: server({ type: 'accepted', id, messageId, at: now, delivered: [] }),
    deliver: server(deliver(Kind.MESSAGE, [], send.copies[0]!.payload)),
    delivered: server(deliver(Kind.DELIVERED, [id], none)),
    readReceipt: server(deliver(Kind.READ, [id], none)),
  }
}
