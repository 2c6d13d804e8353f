import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { CryptoError } from '../errors.ts'
import { randomBytes } from './random.ts'

/** ML-KEM-768 (FIPS 203). */
export const KEM_PUBLIC_BYTES = 1184
export const KEM_CIPHERTEXT_BYTES = 1088
/** What is kept of a pair: everything follows from it. */
export const KEM_SEED_BYTES = 64

export interface KemKeyPair {
  readonly publicKey: Uint8Array
  readonly seed: Uint8Array
}

export function generateKem(): KemKeyPair {
  const seed = randomBytes(KEM_SEED_BYTES)
  return { seed, publicKey: ml_kem768.keygen(seed).publicKey }
}

/** @throws {CryptoError} MALFORMED for a key with a coefficient out of range (FIPS 203 section 7.2) */
export function encapsulate(publicKey: Uint8Array): { ciphertext: Uint8Array; sharedSecret: Uint8Array } {
  if (publicKey.length !== KEM_PUBLIC_BYTES) throw new CryptoError('MALFORMED', 'An ML-KEM key of another length')
  try {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, randomBytes(32))
    return { ciphertext: cipherText, sharedSecret }
  } catch (error) {
    throw new CryptoError('MALFORMED', 'An ML-KEM key out of range', { cause: error })
  }
}

/** A ciphertext that was changed gives another secret, not an error. */
export function decapsulate(ciphertext: Uint8Array, seed: Uint8Array): Uint8Array {
  if (ciphertext.length !== KEM_CIPHERTEXT_BYTES)
    throw new CryptoError('MALFORMED', 'An ML-KEM ciphertext of another length')
  return ml_kem768.decapsulate(ciphertext, ml_kem768.keygen(seed).secretKey)
}
