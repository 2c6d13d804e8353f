import { createHmac, createSecretKey } from 'node:crypto'

/** HMAC-SHA-256 (RFC 2104) of all parts after each other: 32 bytes. */
export type KeyedHash = (...parts: readonly (string | Uint8Array)[]) => Buffer

/** A hash under a key of its own for each purpose, which follows from `secret`: whoever lacks that cannot try inputs. */
export function createKeyedHash(secret: string | Uint8Array, purpose: string): KeyedHash {
  const derived = createHmac('sha256', secret).update(purpose).digest()
  // Node takes six times as long for a key that is bytes.
  const key = createSecretKey(derived)
  return (...parts) => {
    const hmac = createHmac('sha256', key)
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  }
}
