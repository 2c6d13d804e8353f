import sodium from 'libsodium-wrappers'
import type { CryptoProvider } from '../../../../client/crypto/primitives/provider.ts'

await sodium.ready

export const sodiumProvider: CryptoProvider = {
  name: 'libsodium',
  dhPublic: (secretKey) => sodium.crypto_scalarmult_base(secretKey),
  dh(secretKey, publicKey) {
    try {
      return sodium.crypto_scalarmult(secretKey, publicKey)
    } catch {
      return new Uint8Array(32)
    }
  },
  signPublic: (seed) => sodium.crypto_sign_seed_keypair(seed).publicKey,
  sign: (message, { secretKey }) =>
    sodium.crypto_sign_detached(message, sodium.crypto_sign_seed_keypair(secretKey).privateKey),
  verify: (signature, message, publicKey) => sodium.crypto_sign_verify_detached(signature, message, publicKey),
}
