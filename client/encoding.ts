import {
  decodeServerFrames,
  decodeServerFramesJson,
  encodeClientFrames,
  encodeClientFramesJson,
} from '../proto/codec.ts'
import type { ClientFrame, ServerFrame } from '../proto/frames.ts'

/** One of the two encodings of the protocol. */
export interface Encoding {
  readonly subprotocol: string
  /** One or more WebSocket messages, each below the server's limit. */
  encode(frames: readonly ClientFrame[]): (Uint8Array | string)[]
  /** @throws when the bytes are no frames */
  decode(message: Uint8Array | string): readonly ServerFrame[]
}

/** A WebSocket message holds no more copies than this, or one frame: half of what the server takes. */
const MAX_BATCH_BYTES = 512 * 1024

/** Protobuf in binary messages. */
export const binaryEncoding: Encoding = {
  subprotocol: 'parley.v1.proto',
  // The codec returns a view of a buffer that it uses again.
  encode: (frames) => split(frames).map((batch) => encodeClientFrames(batch).slice()),
  decode(message) {
    if (typeof message === 'string') throw new TypeError('A text message where only binary ones are spoken')
    return decodeServerFrames(message)
  },
}

/** JSON in text messages, for people who look at the wire. */
export const jsonEncoding: Encoding = {
  subprotocol: 'parley.v1.json',
  encode: (frames) => split(frames).map((batch) => encodeClientFramesJson(batch)),
  decode(message) {
    if (typeof message !== 'string') throw new TypeError('A binary message where only text ones are spoken')
    return decodeServerFramesJson(message)
  },
}

function split(frames: readonly ClientFrame[]): ClientFrame[][] {
  const batches: ClientFrame[][] = []
  let batch: ClientFrame[] = []
  let batchBytes = 0
  for (const frame of frames) {
    const bytes = roughBytes(frame)
    if (batch.length > 0 && batchBytes + bytes > MAX_BATCH_BYTES) {
      batches.push(batch)
      batch = []
      batchBytes = 0
    }
    batch.push(frame)
    batchBytes += bytes
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/** Generous enough for JSON's base64 too. */
function roughBytes(frame: ClientFrame): number {
  if (frame.type === 'signal') return 200 + frame.payload.length * 1.4
  if (frame.type !== 'send') return 200
  return frame.copies.reduce((sum, { payload }) => sum + 40 + payload.length * 1.4, 200 + frame.about.length * 45)
}
