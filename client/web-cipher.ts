import type { RecordCipher } from './record-seal.ts'

const ALGORITHM = 'AES-GCM'

/** As this platform's WebCrypto has it. */
export type CipherKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

type Bytes = Uint8Array<ArrayBuffer>

/** A new key that cannot be read out. */
export async function generateCipherKey(): Promise<CipherKey> {
  return crypto.subtle.generateKey({ name: ALGORITHM, length: 256 }, false, ['encrypt', 'decrypt'])
}

/** The cipher of browsers. */
export class WebCipher implements RecordCipher {
  readonly #key: CipherKey

  constructor(key: CipherKey) {
    this.#key = key
  }

  async encrypt(content: Uint8Array, nonce: Uint8Array, associated: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.encrypt(parameters(nonce, associated), this.#key, content as Bytes))
  }

  async decrypt(box: Uint8Array, nonce: Uint8Array, associated: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, associated), this.#key, box as Bytes))
  }
}

function parameters(nonce: Uint8Array, associated: Uint8Array): { name: string; iv: Bytes; additionalData: Bytes } {
  return { name: ALGORITHM, iv: nonce as Bytes, additionalData: associated as Bytes }
}
