import { ed25519 } from '@noble/curves/ed25519.js'
import { concat } from '../../../../client/crypto/bytes.ts'
import { sha512 } from '../../../../client/crypto/primitives/hash.ts'
import { bytes } from './bytes.ts'
import { littleEndian } from './noble-provider.ts'

const { BASE, Fn } = ed25519.Point

/** The points of small order, encoded in every way that decoders take. */
export const SMALL_ORDER: readonly Uint8Array[] = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
].flatMap((text) => {
  const signed = bytes(text)
  signed[31] = (signed[31] as number) | 0x80
  return [bytes(text), signed]
})

export const ORDER = Fn.ORDER

/** Of order 8. */
const TORSION = ed25519.Point.fromBytes(bytes('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'))

export interface SignedMessage {
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly publicKey: Uint8Array
}

/**
 * A signature by a key with `keyTorsion` times a point of order 8 in it, its R likewise: whoever multiplies by the
 * cofactor takes it.
 */
export function signMixed(
  message: Uint8Array,
  secret: bigint,
  nonce: bigint,
  keyTorsion: number,
  nonceTorsion = 0,
): SignedMessage {
  const publicKey = point(secret, keyTorsion)
  const r = point(nonce, nonceTorsion)
  const h = Fn.create(littleEndian(sha512(concat(r, publicKey, message))))
  const s = Fn.add(nonce, Fn.mul(h, secret))
  return { message, publicKey, signature: concat(r, encodeScalar(s)) }
}

function point(scalar: bigint, torsion: number): Uint8Array {
  return BASE.multiplyUnsafe(scalar)
    .add(TORSION.multiplyUnsafe(BigInt(torsion)))
    .toBytes()
}

export function encodeScalar(scalar: bigint): Uint8Array {
  return bytes(scalar.toString(16).padStart(64, '0')).toReversed()
}
