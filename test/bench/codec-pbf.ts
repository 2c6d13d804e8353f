import { PbfReader, PbfWriter } from 'pbf'
import type { ClientFrame, Kind, ServerFrame, WireEnvelope } from '../../proto/frames.ts'
import type { Codec } from './codec-life.ts'

interface PbfClientFrame {
  readonly send?: {
    readonly id: string
    readonly to?: { readonly user: number }
    readonly kind: Kind
    readonly copies: readonly { device: number; registration_id: number; payload: Uint8Array }[]
    readonly about: readonly string[]
    readonly urgent: boolean
    readonly ttl: number
    readonly first: boolean
  }
  readonly ack?: { readonly up_to: number }
}

interface Generated {
  readClientBatch(reader: PbfReader, end?: number): { readonly frames: readonly PbfClientFrame[] }
  writeServerBatch(batch: { frames: unknown[] }, writer: PbfWriter): void
}

/**
 * pbf holds every 64-bit integer in a number, exact to 2^53 only. Message ids have 63 bits, so the generated code is
 * given a writer whose fixed64 is a bigint; the server's side reads no fixed64 in a hot frame.
 */
class ExactWriter extends PbfWriter {
  override writeFixed64(value: number | bigint): void {
    this.realloc(8)
    this.dataView.setBigUint64(this.pos, value as bigint, true)
    this.pos += 8
  }
}

/** pbf's compiled code: a oneof is one property of many, names stay in snake_case, bounds and UTF-8 go unchecked. */
export async function makePbfCodec(folder: string): Promise<Codec> {
  const generated: Generated = await import(`${folder}/parley_pbf.js`)
  const writer = new ExactWriter(new Uint8Array(65_536))
  return {
    decodeClientFrames: (bytes) => generated.readClientBatch(new PbfReader(bytes)).frames.map(fromPbf),
    encodeServerFrames(frames) {
      writer.pos = 0
      writer.length = writer.buf.length
      generated.writeServerBatch({ frames: frames.map(toPbf) }, writer)
      return writer.buf.subarray(0, writer.pos)
    },
  }
}

function fromPbf(frame: PbfClientFrame): ClientFrame {
  if (frame.ack) return { type: 'ack', upTo: frame.ack.up_to }
  if (!frame.send) throw new Error('Not a hot frame')
  const { id, to, kind, copies, about, urgent, ttl, first } = frame.send
  return {
    type: 'send',
    id,
    to: to?.user ?? 0,
    kind,
    copies: copies.map((copy) => ({
      device: copy.device,
      registrationId: copy.registration_id,
      payload: Buffer.from(copy.payload),
    })),
    about,
    urgent,
    ttl,
    first,
  }
}

function toPbf(frame: ServerFrame): unknown {
  switch (frame.type) {
    case 'accepted':
      return { accepted: { id: frame.id, message_id: frame.messageId, at: frame.at, delivered: frame.delivered } }
    case 'deliver':
      return { deliver: { seq: frame.seq, envelope: toPbfEnvelope(frame.envelope) } }
    default:
      throw new Error(`Not a hot frame: ${frame.type}`)
  }
}

function toPbfEnvelope(envelope: WireEnvelope): unknown {
  const { messageId, from, kind, id, payload, sentAt, about } = envelope
  return { message_id: messageId, from, kind, id, payload, sent_at: sentAt, about }
}
