import type { Writer } from 'protobufjs'
import type { ClientFrame, Kind, ServerFrame, WireEnvelope } from '../../proto/frames.ts'
import type { Codec } from './codec-life.ts'

interface LongBits {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean
}

interface PbjsSend {
  readonly id: string
  readonly to?: { readonly user: LongBits | number }
  readonly kind: Kind
  readonly copies: readonly { readonly device: number; readonly registrationId: number; readonly payload: Uint8Array }[]
  readonly about: readonly string[]
  readonly urgent: boolean
  readonly ttl: number
  readonly first: boolean
}

interface PbjsClientFrame {
  readonly send?: PbjsSend | null
  readonly ack?: { readonly upTo: number } | null
}

interface Generated {
  readonly parley: {
    readonly v1: {
      readonly ClientBatch: { decode(bytes: Uint8Array): { readonly frames: readonly PbjsClientFrame[] } }
      readonly ServerBatch: { encode(batch: { frames: unknown[] }): Writer }
    }
  }
}

const scratch = new DataView(new ArrayBuffer(8))

/** A bigint as the halves that protobufjs takes. */
function toHalves(value: bigint): LongBits {
  scratch.setBigUint64(0, value)
  return { high: scratch.getInt32(0), low: scratch.getInt32(4), unsigned: true }
}

function toNumber(value: LongBits | number): number {
  return typeof value === 'number' ? value : (value.high >>> 0) * 2 ** 32 + (value.low >>> 0)
}

/** protobufjs' static code: 64-bit integers are Longs (two 32-bit halves), a oneof is one property of many. */
export async function makeProtobufjsCodec(folder: string): Promise<Codec> {
  const generated: Generated = await import(`${folder}/parley_pbjs.js`)
  const { ClientBatch, ServerBatch } = generated.parley.v1
  return {
    decodeClientFrames: (bytes) => ClientBatch.decode(bytes).frames.map(fromPbjs),
    encodeServerFrames: (frames) => ServerBatch.encode({ frames: frames.map(toPbjs) }).finish(),
  }
}

function fromPbjs(frame: PbjsClientFrame): ClientFrame {
  if (frame.ack) return { type: 'ack', upTo: frame.ack.upTo }
  if (!frame.send) throw new Error('Not a hot frame')
  const { id, to, kind, copies, about, urgent, ttl, first } = frame.send
  return {
    type: 'send',
    id,
    to: to ? toNumber(to.user) : 0,
    kind,
    copies: copies.map((copy) => ({
      device: copy.device,
      registrationId: copy.registrationId,
      payload: Buffer.from(copy.payload),
    })),
    about,
    urgent,
    ttl,
    first,
  }
}

function toPbjs(frame: ServerFrame): unknown {
  switch (frame.type) {
    case 'accepted':
      return {
        accepted: { id: frame.id, messageId: toHalves(frame.messageId), at: frame.at, delivered: frame.delivered },
      }
    case 'deliver':
      return { deliver: { seq: frame.seq, envelope: toPbjsEnvelope(frame.envelope) } }
    default:
      throw new Error(`Not a hot frame: ${frame.type}`)
  }
}

function toPbjsEnvelope(envelope: WireEnvelope): unknown {
  const { messageId, from, kind, id, payload, sentAt, about } = envelope
  return { messageId: toHalves(messageId), from, kind, id, payload, sentAt, about }
}
