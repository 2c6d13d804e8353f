import { ByteWriter, concat, label, ZERO_32 } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { hkdf } from '../primitives/hash.ts'
import { NONCE_BYTES, openBox, sealBox } from '../primitives/secretbox.ts'
import { decodeFileHeader } from '../wire/file-header.ts'

/**
 * One chunk after the other of one file: the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár, 2015) over
 * secretbox. A nonce says which chunk it is, and whether the last, so none can be moved, left out or added.
 */
export class ChunkCipher {
  readonly #prefix: Uint8Array
  readonly #key: Uint8Array

  /** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION for a bad header */
  constructor(fileKey: Uint8Array, header: Uint8Array) {
    this.#prefix = decodeFileHeader(header).prefix
    this.#key = hkdf(fileKey, ZERO_32, concat(label('file'), header), 32)
  }

  seal(chunk: Uint8Array, index: number, last: boolean): Uint8Array {
    return sealBox(chunk, this.#nonce(index, last), this.#key)
  }

  /** @throws {CryptoError} BAD_TAG */
  open(box: Uint8Array, index: number, last: boolean): Uint8Array {
    const chunk = openBox(box, this.#nonce(index, last), this.#key)
    if (chunk === undefined) throw new CryptoError('BAD_TAG', `Chunk ${index} of a file does not open`)
    return chunk
  }

  #nonce(index: number, last: boolean): Uint8Array {
    return new ByteWriter(NONCE_BYTES)
      .put(this.#prefix)
      .u64(index)
      .u8(last ? 1 : 0)
      .finish()
  }
}
