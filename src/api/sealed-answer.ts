import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto'
import type { ApiAnswer } from './route.ts'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** SHA-256 of some parts, each of which ends where it ends. */
export function hashParts(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hashes = parts.map((part) => hash('sha256', part, 'buffer'))
  return hash('sha256', Buffer.concat(hashes), 'buffer')
}

/**
 * Seals an answer for storage so that only the request that it belongs to can open it: answers may hold a token, and
 * tokens are not stored. Layout: nonce 12, tag 16, ciphertext.
 */
export function sealAnswer(answer: ApiAnswer, idempotencyKey: string, request: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, sealingKey(idempotencyKey, request), nonce)
  const text = JSON.stringify({ status: answer.status, body: answer.body })
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
}

export function openAnswer(sealed: Uint8Array, idempotencyKey: string, request: Uint8Array): ApiAnswer {
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv(CIPHER, sealingKey(idempotencyKey, request), nonce)
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  const text = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
  return JSON.parse(text.toString('utf8')) as ApiAnswer
}

function sealingKey(idempotencyKey: string, request: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', idempotencyKey, hash('sha256', request, 'buffer'), 'Parley sealed answer', 32))
}
