import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  hkdfSync,
  randomBytes,
} from 'node:crypto'
import sodium from 'libsodium-wrappers'

// A second implementation, over OpenSSL and libsodium alone: it shares no line with the client.

await sodium.ready

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export function join(...parts: readonly (Uint8Array | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'ascii') : part)))
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

export const label = (name: string): Buffer => join('Parley-v1', '/', name, Buffer.of(0))

export const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest()

export const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest()

export const hkdf = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, size: number): Buffer =>
  Buffer.from(hkdfSync('sha256', ikm, salt, info, size))

const X25519_SECRET = Buffer.from('302e020100300506032b656e04220420', 'hex')
const X25519_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex')
const KEM_SEED = Buffer.from('3054020100300b060960864801650304040204428040', 'hex')
const KEM_PUBLIC = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex')

const pkcs8 = (head: Buffer, secret: Uint8Array): ReturnType<typeof createPrivateKey> =>
  createPrivateKey({ key: join(head, secret), format: 'der', type: 'pkcs8' })

const spki = (head: Buffer, key: Uint8Array): ReturnType<typeof createPublicKey> =>
  createPublicKey({ key: join(head, key), format: 'der', type: 'spki' })

export function dh(secret: Uint8Array, key: Uint8Array): Buffer {
  return diffieHellman({ privateKey: pkcs8(X25519_SECRET, secret), publicKey: spki(X25519_PUBLIC, key) })
}

export function dhPublic(secret: Uint8Array): Buffer {
  return createPublicKey(pkcs8(X25519_SECRET, secret)).export({ format: 'der', type: 'spki' }).subarray(-32)
}

export function kemPublic(seed: Uint8Array): Buffer {
  return createPublicKey(pkcs8(KEM_SEED, seed)).export({ format: 'der', type: 'spki' }).subarray(-1184)
}

export function kemEncapsulate(key: Uint8Array): { ciphertext: Buffer; sharedSecret: Buffer } {
  const { ciphertext, sharedKey } = encapsulate(spki(KEM_PUBLIC, key))
  return { ciphertext, sharedSecret: sharedKey }
}

export const kemDecapsulate = (seed: Uint8Array, ciphertext: Uint8Array): Buffer =>
  decapsulate(pkcs8(KEM_SEED, seed), ciphertext)

export const random = (count: number): Buffer => randomBytes(count)

/** Section 2.0: padding, secretbox, and a tag over all. */
export function sealWith(
  key: Uint8Array,
  name: string,
  ad: Uint8Array,
  head: Uint8Array,
  text: Uint8Array,
  nonce: Uint8Array = random(24),
): Buffer {
  const keys = hkdf(key, Buffer.alloc(32), label(name), 64)
  const step = text.length < 2_080 ? 160 : 512
  const padded = Buffer.alloc((Math.floor(text.length / step) + 1) * step)
  padded.set(text)
  padded[text.length] = 0x80
  const box = sodium.crypto_secretbox_easy(padded, nonce, keys.subarray(0, 32))
  const sealed = join(head, nonce, u32(box.length), box)
  return join(sealed, hmac(keys.subarray(32), ad, sealed))
}

/** undefined: the tag is wrong. */
export function openWith(
  key: Uint8Array,
  name: string,
  ad: Uint8Array,
  headBytes: number,
  message: Uint8Array,
): Buffer | undefined {
  const keys = hkdf(key, Buffer.alloc(32), label(name), 64)
  const sealed = message.subarray(0, message.length - 32)
  if (hmac(keys.subarray(32), ad, sealed).compare(message.subarray(message.length - 32)) !== 0) return undefined
  const nonce = sealed.subarray(headBytes, headBytes + 24)
  const padded = Buffer.from(
    sodium.crypto_secretbox_open_easy(sealed.subarray(headBytes + 28), nonce, keys.subarray(0, 32)),
  )
  return padded.subarray(0, padded.lastIndexOf(0x80))
}
