import { extract, expand } from '@noble/hashes/hkdf.js'
import { hmac as nobleHmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256, sha512 as nobleSha512 } from '@noble/hashes/sha2.js'

/** SHA-256 of the parts one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = nobleSha256.create()
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** SHA-256 of what comes piece by piece: `update` and `digest`. */
export function newSha256(): ReturnType<typeof nobleSha256.create> {
  return nobleSha256.create()
}

export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = nobleSha512.create()
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** HMAC-SHA-256 (RFC 2104). */
export function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = nobleHmac.create(nobleSha256, key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** HKDF with SHA-256 (RFC 5869). */
export function hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, size: number): Uint8Array {
  return expand(nobleSha256, extract(nobleSha256, ikm, salt), info, size)
}
