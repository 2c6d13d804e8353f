import { MAX_PAYLOAD_BYTES } from '../../../proto/limits.ts'
import { ByteReader, ByteWriter, concat, KEY_BYTES } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { readHead, VERSION } from './head.ts'
import { encodeSealed, readSealed } from './sealed.ts'
import type { SealedBody } from './sealed.ts'

const RATCHET_MESSAGE = 0x02

export const RATCHET_HEAD_BYTES = 2 + KEY_BYTES + 4 + 4

/** The number of the last message of a chain: then there must be a new session. */
export const MAX_MESSAGE_NUMBER = 0xfffffffe

/** Where in the sender's chains a message stands: 01 02 ‖ ratchet key ‖ previous count ‖ number, 42 bytes. */
export interface RatchetHead {
  /** The sender's current ratchet key, X25519. "DHs" */
  readonly ratchetKey: Uint8Array
  /** How many messages the sender's chain before this one has. "PN" */
  readonly previousCount: number
  /** From 0 on in each chain. "N" */
  readonly number: number
}

/** A message inside a session: the head ‖ nonce ‖ length ‖ box ‖ tag, 118 bytes more than the padded content. */
export interface RatchetMessage extends RatchetHead, SealedBody {}

export function encodeRatchetHead({ ratchetKey, previousCount, number }: RatchetHead): Uint8Array {
  return new ByteWriter(RATCHET_HEAD_BYTES)
    .u8(VERSION)
    .u8(RATCHET_MESSAGE)
    .put(ratchetKey)
    .u32(previousCount)
    .u32(number)
    .finish()
}

export function encodeRatchetMessage(message: RatchetMessage): Uint8Array {
  return concat(encodeRatchetHead(message), encodeSealed(message))
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeRatchetMessage(bytes: Uint8Array): RatchetMessage {
  if (bytes.length > MAX_PAYLOAD_BYTES) malformed(`A message of ${bytes.length} bytes`)
  const reader = new ByteReader(bytes)
  readHead(reader, RATCHET_MESSAGE)
  const ratchetKey = reader.take(KEY_BYTES)
  const previousCount = reader.u32()
  const number = reader.u32()
  if (number > MAX_MESSAGE_NUMBER) malformed('A chain has no such message')
  const sealed = readSealed(reader)
  reader.end()
  return { ratchetKey, previousCount, number, ...sealed }
}
