import { malformed } from '../errors.ts'
import { FILE_HEADER_BYTES } from '../wire/file-header.ts'
import type { SourceReader } from './byte-source.ts'
import { ChunkCipher } from './chunk-cipher.ts'
import { chunkCount, sealedChunkBytes } from './sizes.ts'

/**
 * The chunks of a whole encrypted file, with its padding, each verified; ends without an error only after the last one.
 *
 * @param reader - stands before its header, and has nothing after it
 * @param seen - is called with all of its bytes
 * @throws {CryptoError} MALFORMED, BAD_TAG, UNKNOWN_VERSION
 */
export async function* openChunks(
  reader: SourceReader,
  fileKey: Uint8Array,
  padded: number,
  seen: (bytes: Uint8Array) => void = () => {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const header = await reader.readAll(FILE_HEADER_BYTES)
  seen(header)
  const cipher = new ChunkCipher(fileKey, header)
  const last = chunkCount(padded) - 1
  for (let index = 0; index <= last; index++) {
    const box = await reader.readAll(sealedChunkBytes(padded, index))
    seen(box)
    yield cipher.open(box, index, index === last)
  }
  if (await reader.hasMore()) malformed('More comes than the file has')
}
