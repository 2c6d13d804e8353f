import type { CryptoProvider, KeyPair } from './provider.ts'
import { tweetnaclProvider } from './tweetnacl-provider.ts'

/** RFC 8410: an Ed25519 seed in PKCS #8 is this head and its 32 bytes. */
const PKCS8_HEAD = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)
const ALGORITHM = 'Ed25519'

/** The browser's own Ed25519, and tweetnacl's X25519, which is needed at once. */
export const webProvider: CryptoProvider = {
  ...tweetnaclProvider,
  name: 'WebCrypto',
  async sign(message, { secretKey }: KeyPair) {
    const der = new Uint8Array(PKCS8_HEAD.length + secretKey.length)
    der.set(PKCS8_HEAD)
    der.set(secretKey, PKCS8_HEAD.length)
    const key = await crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
    return new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, message as Uint8Array<ArrayBuffer>))
  },
  async verify(signature, message, publicKey) {
    try {
      const key = await crypto.subtle.importKey('raw', publicKey as Uint8Array<ArrayBuffer>, ALGORITHM, false, [
        'verify',
      ])
      return await crypto.subtle.verify(
        ALGORITHM,
        key,
        signature as Uint8Array<ArrayBuffer>,
        message as Uint8Array<ArrayBuffer>,
      )
    } catch {
      return false
    }
  },
}
