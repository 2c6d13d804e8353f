import { MAX_PAYLOAD_BYTES } from '../../../proto/limits.ts'
import { ByteReader, concat } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { readHead, VERSION } from './head.ts'
import { encodeSealed, readSealed } from './sealed.ts'
import type { SealedBody } from './sealed.ts'

const TYPE = 0x09

/** 01 09: what a signal begins with. */
export const SIGNAL_HEAD = Uint8Array.of(VERSION, TYPE)

/** An ephemeral message outside of the ratchet: 01 09 ‖ nonce ‖ length ‖ box ‖ tag, 78 bytes more than the padded content. */
export type SignalMessage = SealedBody

export function encodeSignalMessage(message: SignalMessage): Uint8Array {
  return concat(SIGNAL_HEAD, encodeSealed(message))
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeSignalMessage(bytes: Uint8Array): SignalMessage {
  if (bytes.length > MAX_PAYLOAD_BYTES) malformed(`A signal of ${bytes.length} bytes`)
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const sealed = readSealed(reader)
  reader.end()
  return sealed
}
