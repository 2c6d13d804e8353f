import { label } from '../bytes.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { hkdf, hmac } from '../primitives/hash.ts'

const MESSAGE_KEY = Uint8Array.of(1)
const NEXT_CHAIN_KEY = Uint8Array.of(2)

/** "MK" */
export function messageKey(chainKey: Uint8Array): Uint8Array {
  return hmac(chainKey, MESSAGE_KEY)
}

/** "CK'" */
export function nextChainKey(chainKey: Uint8Array): Uint8Array {
  return hmac(chainKey, NEXT_CHAIN_KEY)
}

export interface RootStep {
  readonly rootKey: Uint8Array
  readonly chainKey: Uint8Array
}

/**
 * What a ratchet takes from outside: the curve, and the label of its root derivation, which is another one where it talks
 * to other software.
 */
export interface RatchetSuite {
  readonly primitives: Primitives
  readonly rootLabel: Uint8Array
}

export function ratchetSuite(primitives: Primitives): RatchetSuite {
  return { primitives, rootLabel: label('rk') }
}

/** A new root key and the chain of one direction. "KDF_RK" (Double Ratchet section 5.2) */
export function stepRoot(
  { primitives, rootLabel }: RatchetSuite,
  rootKey: Uint8Array,
  secretKey: Uint8Array,
  publicKey: Uint8Array,
): RootStep {
  const keys = hkdf(primitives.dh(secretKey, publicKey), rootKey, rootLabel, 64)
  return { rootKey: keys.slice(0, 32), chainKey: keys.slice(32) }
}
