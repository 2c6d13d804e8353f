import { newSha256 } from '../primitives/hash.ts'
import { randomBytes } from '../primitives/random.ts'
import { CHUNK_BYTES, encodeFileHeader, FILE_PREFIX_BYTES } from '../wire/file-header.ts'
import { SourceReader } from './byte-source.ts'
import type { ByteSource } from './byte-source.ts'
import { ChunkCipher } from './chunk-cipher.ts'
import type { FileDescriptor } from './file-descriptor.ts'
import { blobBytes, paddedBytes } from './sizes.ts'

/** The encryption of one file while it is read, padded so that its size tells little. */
export class FileEncryption {
  readonly #source: ByteSource
  readonly #fileKey: Uint8Array
  #plaintextSize = 0
  #descriptor: FileDescriptor | undefined

  /** @param fileKey - 32 bytes that encrypt nothing else; default: new ones */
  constructor(source: ByteSource, fileKey: Uint8Array = randomBytes(32)) {
    this.#source = source
    this.#fileKey = fileKey
  }

  /**
   * The encrypted file, once. It holds three chunks at most, and reads the source by one chunk and its next piece further
   * than it is read itself.
   */
  async *blob(): AsyncGenerator<Uint8Array, void, undefined> {
    const hash = newSha256()
    const header = encodeFileHeader({ prefix: randomBytes(FILE_PREFIX_BYTES) })
    hash.update(header)
    yield header
    const cipher = new ChunkCipher(this.#fileKey, header)
    let index = 0
    for await (const { chunk, last } of this.#chunks()) {
      const box = cipher.seal(chunk, index++, last)
      hash.update(box)
      yield box
    }
    const blobSize = blobBytes(paddedBytes(this.#plaintextSize))
    const digest = hash.digest()
    this.#descriptor = { fileKey: this.#fileKey, digest, plaintextSize: this.#plaintextSize, blobSize }
  }

  /** @throws {RangeError} before the blob was read to its end */
  get descriptor(): FileDescriptor {
    if (this.#descriptor === undefined) throw new RangeError('The file is not encrypted to its end')
    return this.#descriptor
  }

  /** Of the padded content. */
  async *#chunks(): AsyncGenerator<{ chunk: Uint8Array; last: boolean }, void, undefined> {
    const reader = new SourceReader(this.#source)
    try {
      let chunk = await reader.read(CHUNK_BYTES)
      for (; await reader.hasMore(); chunk = await reader.read(CHUNK_BYTES)) {
        this.#plaintextSize += chunk.length
        yield { chunk, last: false }
      }
      const before = this.#plaintextSize
      this.#plaintextSize += chunk.length
      let left = paddedBytes(this.#plaintextSize) - before
      for (let content = chunk; left > 0; content = new Uint8Array(0)) {
        const size = Math.min(left, CHUNK_BYTES)
        left -= size
        yield { chunk: withZeros(content, size), last: left === 0 }
      }
    } finally {
      await reader.close()
    }
  }
}

function withZeros(content: Uint8Array, size: number): Uint8Array {
  if (content.length === size) return content
  const padded = new Uint8Array(size)
  padded.set(content)
  return padded
}
