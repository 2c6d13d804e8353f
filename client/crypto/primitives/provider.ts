/** Both keys have 32 bytes; the secret of Ed25519 is its seed. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

export type Awaitable<T> = T | Promise<T>

/**
 * The two curves, as an implementation gives them: it may answer too leniently, since {@link Primitives} guards what goes
 * in and out. Keys, signatures and results have their exact lengths.
 */
export interface CryptoProvider {
  readonly name: string
  /** The X25519 public key of a secret (RFC 7748). */
  dhPublic(secretKey: Uint8Array): Uint8Array
  /** The raw X25519 result, which may be zero. */
  dh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array
  /** The Ed25519 public key of a seed (RFC 8032). */
  signPublic(seed: Uint8Array): Uint8Array
  sign(message: Uint8Array, keys: KeyPair): Awaitable<Uint8Array>
  /** Without the cofactor: R == encode(S·B − h·A), compared as bytes. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): Awaitable<boolean>
}
