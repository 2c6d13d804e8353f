import { DecodeError } from './decode-error.ts'
import { readClientFrame, readServerFrame, writeClientFrame, writeServerFrame } from './frames-json.gen.ts'
import type { ClientFrame, ServerFrame } from './frames.ts'
import { checkShape } from './json-shape.ts'
import { fail, readArray, readObject } from './json.ts'
import { MAX_FRAMES } from './limits.ts'

/**
 * Batches of frames as JSON text: the proto3 JSON mapping of the schema, for the subprotocol parley.v1.json. Integers of
 * 64 bits are written as text and read as numbers too; bytes are base64; zero values are left out; unknown fields are
 * ignored, and an unknown frame becomes `{type: 'unknown', name}` like in the binary encoding.
 */

/** @throws {DecodeError} */
export function decodeClientFramesJson(text: string): ClientFrame[] {
  checkShape(text)
  const frames = readFrames(text)
  if (Array.isArray(frames) && frames.length > MAX_FRAMES) fail('frames', `are more than ${MAX_FRAMES}`)
  return readArray(frames, 'frames', readClientFrame)
}

/** @throws {DecodeError} */
export function decodeServerFramesJson(text: string): ServerFrame[] {
  return readArray(readFrames(text), 'frames', readServerFrame)
}

export function encodeClientFramesJson(frames: readonly ClientFrame[]): string {
  return JSON.stringify({ frames: frames.map(writeClientFrame) })
}

export function encodeServerFramesJson(frames: readonly ServerFrame[]): string {
  return JSON.stringify({ frames: frames.map(writeServerFrame) })
}

/** What stands under `frames`. The text itself stays out of the error: it may hold a token. */
function readFrames(text: string): unknown {
  let batch: unknown
  try {
    batch = JSON.parse(text)
  } catch {
    throw new DecodeError('The message is not JSON')
  }
  if (batch === null) fail('The message', 'is null')
  return readObject(batch, 'The message')['frames']
}
