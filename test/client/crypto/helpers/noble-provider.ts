import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { concat, equal } from '../../../../client/crypto/bytes.ts'
import { sha512 } from '../../../../client/crypto/primitives/hash.ts'
import type { CryptoProvider } from '../../../../client/crypto/primitives/provider.ts'

const { BASE, Fn } = ed25519.Point

/** From noble's points, since its own `verify` multiplies by the cofactor and so takes signatures that others refuse. */
export const nobleProvider: CryptoProvider = {
  name: '@noble/curves',
  dhPublic: (secretKey) => x25519.getPublicKey(secretKey),
  dh(secretKey, publicKey) {
    try {
      return x25519.getSharedSecret(secretKey, publicKey)
    } catch {
      return new Uint8Array(32)
    }
  },
  signPublic: (seed) => ed25519.getPublicKey(seed),
  sign: (message, { secretKey }) => ed25519.sign(message, secretKey),
  verify(signature, message, publicKey) {
    try {
      const r = signature.subarray(0, 32)
      const s = littleEndian(signature.subarray(32))
      const h = Fn.create(littleEndian(sha512(concat(r, publicKey, message))))
      const expected = BASE.multiplyUnsafe(s).subtract(ed25519.Point.fromBytes(publicKey).multiplyUnsafe(h))
      return equal(expected.toBytes(), r)
    } catch {
      return false
    }
  },
}

export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte)
  return value
}
