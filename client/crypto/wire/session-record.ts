import { ByteReader, ByteWriter } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0xa1
const HEAD_BYTES = 2 + 4 + 1

/** The current session and the archived ones. */
export const MAX_SESSIONS = 6

/** What is stored of one remote device: 01 A1 ‖ highest generation ‖ n ‖ n × (length u32 ‖ session), the current one first. */
export interface SessionRecordBytes {
  /** Of all sessions that ever were. */
  readonly generation: number
  /** Not judged: one that is damaged does not spoil the others. */
  readonly states: readonly Uint8Array[]
}

export function encodeRecordBytes({ generation, states }: SessionRecordBytes): Uint8Array {
  let size = HEAD_BYTES
  for (const state of states) size += 4 + state.length
  const writer = new ByteWriter(size).u8(VERSION).u8(TYPE).u32(generation).u8(states.length)
  for (const state of states) writer.u32(state.length).put(state)
  return writer.finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeRecordBytes(bytes: Uint8Array): SessionRecordBytes {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const generation = reader.u32()
  const count = reader.u8()
  if (count > MAX_SESSIONS) malformed(`${count} sessions with one device`)
  const states: Uint8Array[] = []
  for (let i = 0; i < count; i++) states.push(reader.take(reader.u32()))
  reader.end()
  return { generation, states }
}
