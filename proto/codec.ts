/**
 * Batches of frames in binary: one WebSocket message of the subprotocol parley.v1.proto.
 *
 * Decoders take hostile bytes and throw nothing but {@link DecodeError}. They check types and what memory needs; whether
 * an id is a UUID, a payload too large or a list too long is for the receiver to say (limits.ts). Lists that a client
 * sends keep one entry more than their limit. `kind` may be a number of a later version. Payloads are copied out of the
 * input, as views of shared memory.
 *
 * Encoders return a view of one buffer that the next call of any of them writes over: hand it at once to a socket that
 * copies (uWebSockets.js does), or copy it. They throw a RangeError for an integer that is negative or too large, and a
 * TypeError for an unknown frame.
 */
import { DecodeError } from './decode-error.ts'
import { readClientFrame, readServerFrame, writeClientFrame, writeServerFrame } from './frames.gen.ts'
import type { ClientFrame, ServerFrame } from './frames.ts'
import { MAX_FRAMES } from './limits.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

export { DecodeError } from './decode-error.ts'
export {
  decodeClientFramesJson,
  decodeServerFramesJson,
  encodeClientFramesJson,
  encodeServerFramesJson,
} from './json-codec.ts'

/** Tag of `frames` in ClientBatch and ServerBatch: field 1, length-delimited. */
const FRAMES_TAG = 10

const reader = new Reader()
const writer = new Writer()

/** @throws {DecodeError} */
export function decodeClientFrames(bytes: Uint8Array): ClientFrame[] {
  return decodeBatch(bytes, readClientFrame, MAX_FRAMES)
}

/** @throws {DecodeError} */
export function decodeServerFrames(bytes: Uint8Array): ServerFrame[] {
  return decodeBatch(bytes, readServerFrame, Number.MAX_SAFE_INTEGER)
}

/** The view is valid until the next call of an encoder. */
export function encodeClientFrames(frames: readonly ClientFrame[]): Uint8Array {
  return encodeBatch(frames, writeClientFrame)
}

/** The view is valid until the next call of an encoder. */
export function encodeServerFrames(frames: readonly ServerFrame[]): Uint8Array {
  return encodeBatch(frames, writeServerFrame)
}

function decodeBatch<T>(bytes: Uint8Array, read: (reader: Reader, end: number) => T, limit: number): T[] {
  const frames: T[] = []
  reader.open(bytes)
  try {
    while (reader.pos < bytes.length) {
      const tag = reader.tag()
      if (tag !== FRAMES_TAG) {
        reader.skip(tag)
        continue
      }
      if (frames.length === limit) reader.fail(`more than ${limit} frames`)
      frames.push(read(reader, reader.end()))
    }
  } catch (error) {
    if (error instanceof DecodeError) error.message = `frames[${frames.length}]: ${error.message}`
    throw error
  } finally {
    reader.close()
  }
  return frames
}

function encodeBatch<T>(frames: readonly T[], write: (writer: Writer, frame: T) => void): Uint8Array {
  writer.begin()
  for (let i = frames.length - 1; i >= 0; i--) {
    const size = writer.size
    write(writer, frames[i]!)
    writer.message(FRAMES_TAG, size)
  }
  return writer.finish()
}
