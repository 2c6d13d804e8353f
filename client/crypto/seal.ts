import { concat, equal, label, ZERO_32 } from './bytes.ts'
import { CryptoError } from './errors.ts'
import { pad, unpad } from './padding.ts'
import { hkdf, hmac } from './primitives/hash.ts'
import { randomBytes } from './primitives/random.ts'
import { NONCE_BYTES, openBox, sealBox } from './primitives/secretbox.ts'
import { TAG_BYTES } from './wire/sealed.ts'

/** The longest content that fits a first message; what is longer goes as a file. */
export const MAX_PLAINTEXT_BYTES = 63_487

/**
 * Encrypts and authenticates a message: head ‖ nonce ‖ length ‖ box ‖ tag. The nonce is random, so that a key used again
 * after a state was rolled back gives nothing away; the tag covers `ad`, the header and the box, and commits to the key.
 *
 * @param key - used for this one message
 * @param labelName - of the sort of message
 * @param ad - what both sides know: begins with its own label, of one length for that label
 * @throws {RangeError} for content over {@link MAX_PLAINTEXT_BYTES}
 */
export function seal(
  key: Uint8Array,
  labelName: string,
  ad: Uint8Array,
  head: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  if (plaintext.length > MAX_PLAINTEXT_BYTES) throw new RangeError(`A content of ${plaintext.length} bytes`)
  const { boxKey, tagKey } = deriveKeys(key, labelName)
  const nonce = randomBytes(NONCE_BYTES)
  const box = sealBox(pad(plaintext), nonce, boxKey)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, box.length)
  const sealed = concat(head, nonce, length, box)
  return concat(sealed, hmac(tagKey, ad, sealed))
}

/**
 * Opens what {@link seal} made. Once the tag is good the key is used up, so content that is no content is not an error.
 *
 * @param message - parsed before, so its lengths are right
 * @returns undefined: the sender padded wrongly
 * @throws {CryptoError} BAD_TAG
 */
export function open(
  key: Uint8Array,
  labelName: string,
  ad: Uint8Array,
  headBytes: number,
  message: Uint8Array,
): Uint8Array | undefined {
  const { boxKey, tagKey } = deriveKeys(key, labelName)
  const sealed = message.subarray(0, -TAG_BYTES)
  if (!equal(hmac(tagKey, ad, sealed), message.subarray(-TAG_BYTES)))
    throw new CryptoError('BAD_TAG', 'The tag of a message is wrong')
  const nonce = sealed.subarray(headBytes, headBytes + NONCE_BYTES)
  const padded = openBox(sealed.subarray(headBytes + NONCE_BYTES + 4), nonce, boxKey)
  return padded === undefined ? undefined : unpad(padded)
}

function deriveKeys(key: Uint8Array, labelName: string): { boxKey: Uint8Array; tagKey: Uint8Array } {
  const keys = hkdf(key, ZERO_32, label(labelName), 64)
  return { boxKey: keys.subarray(0, 32), tagKey: keys.subarray(32) }
}
