import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, Message } from '@bufbuild/protobuf'
import type { ClientFrame, Kind, ServerFrame, WireEnvelope } from '../../proto/frames.ts'
import type { Codec } from './codec-life.ts'

interface Schemas {
  readonly ClientBatchSchema: DescMessage
  readonly ServerBatchSchema: DescMessage
}

interface EsFrame<Case extends string, Value> {
  readonly $typeName: string
  readonly frame: { readonly case: Case; readonly value: Value }
}

interface EsSend {
  readonly $typeName: string
  readonly id: string
  readonly to: { readonly $typeName: string; readonly user: bigint }
  readonly kind: Kind
  readonly copies: readonly {
    readonly $typeName: string
    readonly device: number
    readonly registrationId: number
    readonly payload: Uint8Array
  }[]
  readonly about: readonly string[]
  readonly urgent: boolean
  readonly ttl: number
  readonly first: boolean
}

type EsClientFrame = EsFrame<'send', EsSend> | EsFrame<'ack', { readonly $typeName: string; readonly upTo: number }>

/** protobuf-es: 64-bit integers are bigints, messages plain objects with `$typeName`, a oneof is `{case, value}`. */
export async function makeProtobufEsCodec(folder: string): Promise<Codec> {
  const schemas: Schemas = await import(`${folder}/parley_pb.js`)
  return {
    decodeClientFrames(bytes) {
      const batch = fromBinary(schemas.ClientBatchSchema, bytes) as Message & { frames: EsClientFrame[] }
      return batch.frames.map(fromEs)
    },
    encodeServerFrames(frames) {
      const batch = { $typeName: 'parley.v1.ServerBatch', frames: frames.map(toEs) }
      return toBinary(schemas.ServerBatchSchema, batch)
    },
  }
}

function fromEs({ frame }: EsClientFrame): ClientFrame {
  if (frame.case === 'ack') return { type: 'ack', upTo: frame.value.upTo }
  const { id, to, kind, copies, about, urgent, ttl, first } = frame.value
  return {
    type: 'send',
    id,
    to: Number(to.user),
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

function toEs(frame: ServerFrame): unknown {
  switch (frame.type) {
    case 'accepted': {
      const { id, messageId, at, delivered } = frame
      const value = { $typeName: 'parley.v1.Accepted', id, messageId, at: BigInt(at), delivered }
      return { $typeName: 'parley.v1.ServerFrame', frame: { case: 'accepted', value } }
    }
    case 'deliver': {
      const value = { $typeName: 'parley.v1.Deliver', seq: frame.seq, envelope: toEsEnvelope(frame.envelope) }
      return { $typeName: 'parley.v1.ServerFrame', frame: { case: 'deliver', value } }
    }
    default:
      throw new Error(`Not a hot frame: ${frame.type}`)
  }
}

function toEsEnvelope(envelope: WireEnvelope): unknown {
  const { messageId, from, kind, id, payload, sentAt, about } = envelope
  return {
    $typeName: 'parley.v1.Envelope',
    messageId,
    from: { $typeName: 'parley.v1.Address', user: BigInt(from.user), device: from.device },
    kind,
    id,
    payload,
    sentAt: BigInt(sentAt),
    about,
  }
}
