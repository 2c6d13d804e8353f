import { equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { newSha256 } from '../primitives/hash.ts'
import { SourceReader } from './byte-source.ts'
import type { ByteSource } from './byte-source.ts'
import type { FileDescriptor } from './file-descriptor.ts'
import { openChunks } from './open-chunks.ts'
import { requirePaddedBytes } from './sizes.ts'

/**
 * Decrypts a file while it arrives: each piece is what a holder of the key wrote at its place. The file is complete, and
 * the one that was meant, only when the iteration ends without an error; else all that it gave is to be forgotten.
 *
 * @param source - the encrypted file; read little further than its size
 * @throws {CryptoError} MALFORMED for sizes that no file has, or when more or less comes than was said; BAD_TAG;
 *   UNKNOWN_VERSION
 */
export async function* decryptFile(
  source: ByteSource,
  file: FileDescriptor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const padded = requirePaddedBytes(file)
  const reader = new SourceReader(source)
  const hash = newSha256()
  let left = file.plaintextSize
  try {
    for await (const chunk of openChunks(reader, file.fileKey, padded, (bytes) => hash.update(bytes))) {
      const content = chunk.subarray(0, left)
      left -= content.length
      if (content.length > 0) yield content
    }
  } finally {
    await reader.close()
  }
  if (!equal(hash.digest(), file.digest)) throw new CryptoError('BAD_TAG', 'Another file than was meant')
}
