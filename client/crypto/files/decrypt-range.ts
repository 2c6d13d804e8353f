import { malformed } from '../errors.ts'
import { CHUNK_BYTES, FILE_HEADER_BYTES } from '../wire/file-header.ts'
import { SourceReader } from './byte-source.ts'
import type { ByteSource } from './byte-source.ts'
import { ChunkCipher } from './chunk-cipher.ts'
import type { FileDescriptor } from './file-descriptor.ts'
import { chunkCount, requirePaddedBytes, SEALED_CHUNK_BYTES, sealedChunkBytes } from './sizes.ts'

/** From `from` up to, but without, `to`. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** Which bytes of the encrypted file are needed, beside its header, for these of the content: whole chunks. */
export function blobRange(file: FileDescriptor, wanted: ByteRange): ByteRange {
  const { first, last } = chunksOf(file, wanted)
  const padded = requirePaddedBytes(file)
  const startOf = (index: number): number => FILE_HEADER_BYTES + index * SEALED_CHUNK_BYTES
  return { from: startOf(first), to: startOf(last) + sealedChunkBytes(padded, last) }
}

/**
 * Decrypts a part of a file, to play it from the middle. Each piece is what a holder of the key wrote at its place; that
 * it is the file that was meant is known only by {@link decryptFile}.
 *
 * @param header - the first 21 bytes of the encrypted file
 * @param source - its bytes of {@link blobRange}
 * @throws {CryptoError} as {@link decryptFile}; MALFORMED for a range outside of the file
 */
export async function* decryptRange(
  header: Uint8Array,
  source: ByteSource,
  file: FileDescriptor,
  wanted: ByteRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { first, last } = chunksOf(file, wanted)
  const padded = requirePaddedBytes(file)
  const cipher = new ChunkCipher(file.fileKey, header)
  const reader = new SourceReader(source)
  try {
    for (let index = first; index <= last; index++) {
      const box = await reader.readAll(sealedChunkBytes(padded, index))
      const chunk = cipher.open(box, index, index === chunkCount(padded) - 1)
      const start = index * CHUNK_BYTES
      yield chunk.subarray(Math.max(wanted.from - start, 0), wanted.to - start)
    }
  } finally {
    await reader.close()
  }
}

function chunksOf(file: FileDescriptor, { from, to }: ByteRange): { first: number; last: number } {
  const known = Number.isSafeInteger(from) && Number.isSafeInteger(to)
  if (!known || from < 0 || from >= to || to > file.plaintextSize) malformed(`No bytes ${from} to ${to} in the file`)
  return { first: Math.floor(from / CHUNK_BYTES), last: Math.floor((to - 1) / CHUNK_BYTES) }
}
