import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { RecordCipher } from './record-seal.ts'

const ALGORITHM = 'aes-256-gcm'
const TAG_BYTES = 16

/** The cipher of Node: the bytes of WebCrypto without its detour over other threads. */
export class NodeCipher implements RecordCipher {
  readonly #key: KeyObject

  /** @param key - 32 bytes */
  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key)
  }

  encrypt(content: Uint8Array, nonce: Uint8Array, associated: Uint8Array): Uint8Array {
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce)
    cipher.setAAD(associated)
    const box = new Uint8Array(content.length + TAG_BYTES)
    box.set(cipher.update(content))
    cipher.final()
    box.set(cipher.getAuthTag(), content.length)
    return box
  }

  decrypt(box: Uint8Array, nonce: Uint8Array, associated: Uint8Array): Uint8Array {
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(associated)
    decipher.setAuthTag(box.subarray(box.length - TAG_BYTES))
    const content = new Uint8Array(decipher.update(box.subarray(0, box.length - TAG_BYTES)))
    decipher.final()
    return content
  }
}
