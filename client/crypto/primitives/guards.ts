import { hexToBytes } from '@noble/hashes/utils.js'

/** 2^255 − 19, little-endian. */
const FIELD = hexToBytes('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')
/** The order L of the base point of Ed25519, little-endian (RFC 8032 section 5.1). */
const ORDER = hexToBytes('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')

/** The points of small order, encoded, with the sign bit clear. */
const SMALL_ORDER: readonly Uint8Array[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(hexToBytes)

/** Whether the second half of a signature is below L: else one signature has several encodings (RFC 8032 section 5.1.7). */
export function isReducedScalar(signature: Uint8Array): boolean {
  return isBelow(signature.subarray(32, 64), ORDER)
}

/** Whether it is a point that only a few scalars reach: under such a key one signature fits many messages. */
export function isSmallOrder(point: Uint8Array): boolean {
  const masked = withoutSign(point)
  return SMALL_ORDER.some((small) => small.every((byte, i) => byte === masked[i]))
}

/** Whether y, without the sign of x, is below the field's prime: the only encoding of an Ed25519 point. */
export function isCanonicalPoint(point: Uint8Array): boolean {
  return isBelow(withoutSign(point), FIELD)
}

/** Whether it is the only encoding of an X25519 public key: below the prime, bit 255 clear (RFC 7748 section 5). */
export function isCanonicalU(publicKey: Uint8Array): boolean {
  return isBelow(publicKey, FIELD)
}

function withoutSign(point: Uint8Array): Uint8Array {
  const masked = Uint8Array.from(point)
  masked[31] = (masked[31] as number) & 0x7f
  return masked
}

/** Of little-endian numbers that are public. */
function isBelow(value: Uint8Array, bound: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const difference = (value[i] as number) - (bound[i] as number)
    if (difference !== 0) return difference < 0
  }
  return false
}
