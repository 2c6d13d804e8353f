import { concat, isZero, label } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { isCanonicalPoint, isCanonicalU, isReducedScalar, isSmallOrder } from './guards.ts'
import type { CryptoProvider, KeyPair } from './provider.ts'
import { randomBytes } from './random.ts'
import { tweetnaclProvider } from './tweetnacl-provider.ts'

export const SIGNATURE_BYTES = 64

/**
 * The curves with their guards: whatever provider stands behind, the same keys and signatures are taken and refused.
 * Without them a signature had several encodings, one under a key of small order fitted many messages, and an agreement
 * could be forced to zero.
 */
export class Primitives {
  readonly #provider: CryptoProvider

  /** Why another provider than was wanted stands behind; undefined: none was refused. */
  readonly fault: string | undefined

  /** @param provider - has passed `selectProvider`, unless it is the default */
  constructor(provider: CryptoProvider = tweetnaclProvider, fault?: string) {
    this.#provider = provider
    this.fault = fault
  }

  get name(): string {
    return this.#provider.name
  }

  /** A new X25519 pair. */
  generateDh(): KeyPair {
    const secretKey = randomBytes(32)
    return { secretKey, publicKey: this.#provider.dhPublic(secretKey) }
  }

  /** A new Ed25519 pair. */
  generateSigning(): KeyPair {
    return this.signingFromSeed(randomBytes(32))
  }

  signingFromSeed(seed: Uint8Array): KeyPair {
    return { secretKey: seed, publicKey: this.#provider.signPublic(seed) }
  }

  dhPublic(secretKey: Uint8Array): Uint8Array {
    return this.#provider.dhPublic(secretKey)
  }

  /**
   * X25519.
   *
   * @throws {CryptoError} MALFORMED for a public key that is not canonical, or whose result is zero (RFC 7748 section 6.1)
   */
  dh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
    if (publicKey.length !== 32 || !isCanonicalU(publicKey))
      throw new CryptoError('MALFORMED', 'Not a canonical X25519 key')
    const secret = this.#provider.dh(secretKey, publicKey)
    if (isZero(secret)) throw new CryptoError('MALFORMED', 'An X25519 key of small order')
    return secret
  }

  /** Signs the label and the body. */
  async sign(labelName: string, body: Uint8Array, keys: KeyPair): Promise<Uint8Array> {
    return this.#provider.sign(concat(label(labelName), body), keys)
  }

  /** Whether the signature over the label and the body is good, by one equation on every provider. */
  async verify(labelName: string, body: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): Promise<boolean> {
    return this.verifyRaw(concat(label(labelName), body), signature, publicKey)
  }

  async verifyRaw(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): Promise<boolean> {
    if (signature.length !== SIGNATURE_BYTES || publicKey.length !== 32) return false
    if (!isReducedScalar(signature) || !isCanonicalPoint(publicKey)) return false
    if (isSmallOrder(publicKey) || isSmallOrder(signature.subarray(0, 32))) return false
    return this.#provider.verify(signature, message, publicKey)
  }
}
