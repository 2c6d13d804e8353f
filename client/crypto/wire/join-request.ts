import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'

/** How somebody with a group's link asks to be added: ms ‖ HMAC, 40 bytes. */
export interface JoinRequest {
  readonly ms: number
  /** Under the link's secret. */
  readonly tag: Uint8Array
}

export function encodeJoinRequest({ ms, tag }: JoinRequest): Uint8Array {
  return new ByteWriter(8 + KEY_BYTES).u64(ms).put(tag).finish()
}

/** @throws {CryptoError} MALFORMED */
export function decodeJoinRequest(bytes: Uint8Array): JoinRequest {
  const reader = new ByteReader(bytes)
  const ms = reader.u64()
  const tag = reader.take(KEY_BYTES)
  reader.end()
  return { ms, tag }
}
