import nacl from 'tweetnacl'
import type { CryptoProvider } from './provider.ts'

/** In plain JavaScript, everywhere: some 2,000 agreements, 280 signatures or 150 verifications a second. */
export const tweetnaclProvider: CryptoProvider = {
  name: 'tweetnacl',
  dhPublic: (secretKey) => nacl.scalarMult.base(secretKey),
  dh: (secretKey, publicKey) => nacl.scalarMult(secretKey, publicKey),
  signPublic: (seed) => nacl.sign.keyPair.fromSeed(seed).publicKey,
  sign(message, { publicKey, secretKey }) {
    const secret = new Uint8Array(64)
    secret.set(secretKey)
    secret.set(publicKey, 32)
    return nacl.sign.detached(message, secret)
  },
  verify: (signature, message, publicKey) => nacl.sign.detached.verify(message, signature, publicKey),
}
