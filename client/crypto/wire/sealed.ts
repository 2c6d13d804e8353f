import type { ByteReader } from '../bytes.ts'
import { ByteWriter } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { BOX_BYTES, NONCE_BYTES } from '../primitives/secretbox.ts'

/** Of a whole HMAC-SHA-256: only all of it commits to the key. */
export const TAG_BYTES = 32

/** What {@link SealedBody} is longer than its box. */
const SEALED_BYTES = NONCE_BYTES + 4 + TAG_BYTES

/** How every encrypted message ends: nonce ‖ length u32 ‖ box ‖ tag. */
export interface SealedBody {
  readonly nonce: Uint8Array
  readonly box: Uint8Array
  readonly tag: Uint8Array
}

export function encodeSealed({ nonce, box, tag }: SealedBody): Uint8Array {
  return new ByteWriter(SEALED_BYTES + box.length).put(nonce).u32(box.length).put(box).put(tag).finish()
}

/** @throws {CryptoError} MALFORMED */
export function readSealed(reader: ByteReader): SealedBody {
  const nonce = reader.take(NONCE_BYTES)
  const length = reader.u32()
  if (length < BOX_BYTES || length > reader.left - TAG_BYTES) malformed(`A box of ${length} bytes`)
  return { nonce, box: reader.take(length), tag: reader.take(TAG_BYTES) }
}
