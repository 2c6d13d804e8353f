import { concat, label } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { hkdf, sha256 } from '../primitives/hash.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { randomBytes } from '../primitives/random.ts'
import { NONCE_BYTES, openBox, sealBox } from '../primitives/secretbox.ts'
import { decodeLinkingBox, encodeLinkingBox } from '../wire/linking-box.ts'
import type { LinkingType } from '../wire/linking-box.ts'

/** What both sides of a linking hold, and the server does not. */
export interface LinkingKeys {
  /** From the primary to the new device. */
  readonly fromPrimary: Uint8Array
  readonly fromNewDevice: Uint8Array
}

/** What goes into the keys beside the agreement. */
export interface Meeting {
  readonly rendezvousId: Uint8Array
  readonly linkSecret: Uint8Array
  /** The public key of the QR code. */
  readonly newDeviceKey: Uint8Array
  /** The public key of the offer. */
  readonly primaryKey: Uint8Array
}

/** @throws {CryptoError} MALFORMED for a bad public key of the peer */
export function deriveLinkingKeys(
  primitives: Primitives,
  secretKey: Uint8Array,
  peerKey: Uint8Array,
  { rendezvousId, linkSecret, newDeviceKey, primaryKey }: Meeting,
): LinkingKeys {
  const info = concat(label('link'), rendezvousId, newDeviceKey, primaryKey)
  const keys = hkdf(primitives.dh(secretKey, peerKey), linkSecret, info, 64)
  return { fromPrimary: keys.slice(0, 32), fromNewDevice: keys.slice(32) }
}

/** Six digits that people compare on both screens. */
export function linkingDigits({ fromPrimary, fromNewDevice }: LinkingKeys): string {
  const hash = sha256(label('link-digits'), fromPrimary, fromNewDevice)
  const number = new DataView(hash.buffer).getBigUint64(0) % 1_000_000n
  return String(number).padStart(6, '0')
}

/** @param publicKey - in an offer only */
export function sealLinking(
  type: LinkingType,
  content: Uint8Array,
  key: Uint8Array,
  publicKey?: Uint8Array,
): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const box = sealBox(content, nonce, key)
  return encodeLinkingBox(type, publicKey === undefined ? { nonce, box } : { publicKey, nonce, box })
}

/** @throws {CryptoError} BAD_TAG, MALFORMED, UNKNOWN_VERSION */
export function openLinking(type: LinkingType, message: Uint8Array, key: Uint8Array): Uint8Array {
  const { nonce, box } = decodeLinkingBox(type, message)
  const content = openBox(box, nonce, key)
  if (content === undefined) throw new CryptoError('BAD_TAG', 'A message of the linking does not open')
  return content
}
