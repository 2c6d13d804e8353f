const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + NONCE_BYTES

/** AES-256-GCM under one key, as a platform gives it. A box is the ciphertext and its tag of 16 bytes. */
export interface RecordCipher {
  encrypt(content: Uint8Array, nonce: Uint8Array, associated: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** @throws when the tag is wrong */
  decrypt(box: Uint8Array, nonce: Uint8Array, associated: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/**
 * Seals the values of a store: 01 ‖ nonce 12, random ‖ AES-256-GCM with its tag, 29 bytes more than the value. The record's
 * key is associated data, so a value that was moved to another record does not open. Random nonces of 96 bits carry 2^32
 * writes under one key (NIST SP 800-38D section 8.3).
 */
export class RecordSeal {
  readonly #cipher: RecordCipher

  constructor(cipher: RecordCipher) {
    this.#cipher = cipher
  }

  async seal(recordKey: string, value: Uint8Array): Promise<Uint8Array> {
    const sealed = new Uint8Array(HEAD_BYTES + value.length + TAG_BYTES)
    sealed[0] = VERSION
    const nonce = crypto.getRandomValues(sealed.subarray(1, HEAD_BYTES))
    sealed.set(await this.#cipher.encrypt(value, nonce, associatedData(recordKey)), HEAD_BYTES)
    return sealed
  }

  /** undefined: damaged, moved here from another record, or sealed under another key. */
  async open(recordKey: string, sealed: Uint8Array): Promise<Uint8Array | undefined> {
    if (sealed[0] !== VERSION || sealed.length < HEAD_BYTES + TAG_BYTES) return undefined
    const nonce = sealed.subarray(1, HEAD_BYTES)
    try {
      return await this.#cipher.decrypt(sealed.subarray(HEAD_BYTES), nonce, associatedData(recordKey))
    } catch {
      return undefined
    }
  }
}

function associatedData(recordKey: string): Uint8Array {
  return new TextEncoder().encode(`Parley-v1/store-record\0${recordKey}`)
}
