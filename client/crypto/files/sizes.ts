import { malformed } from '../errors.ts'
import { BOX_BYTES } from '../primitives/secretbox.ts'
import { CHUNK_BYTES, FILE_HEADER_BYTES } from '../wire/file-header.ts'
import type { FileDescriptor } from './file-descriptor.ts'

/** A full chunk as it is stored. */
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + BOX_BYTES

const SMALLEST_BUCKET = 541

/** What a content is padded to, so that its size tells little: buckets 5 % apart, in integers, alike on every engine. */
export function paddedBytes(size: number): number {
  let bucket = SMALLEST_BUCKET
  while (bucket < size) bucket = Math.floor((bucket * 21) / 20)
  return bucket
}

/** The size of an encrypted file. @param padded - of its content with the padding */
export function blobBytes(padded: number): number {
  return FILE_HEADER_BYTES + padded + BOX_BYTES * chunkCount(padded)
}

export function chunkCount(padded: number): number {
  return Math.max(1, Math.ceil(padded / CHUNK_BYTES))
}

/** Of one chunk as it is stored. */
export function sealedChunkBytes(padded: number, index: number): number {
  return Math.min(CHUNK_BYTES, padded - index * CHUNK_BYTES) + BOX_BYTES
}

/**
 * The size of a file's content with its padding.
 *
 * @throws {CryptoError} MALFORMED when the sizes do not fit together
 */
export function requirePaddedBytes({
  blobSize,
  plaintextSize,
}: Pick<FileDescriptor, 'blobSize' | 'plaintextSize'>): number {
  const body = blobSize - FILE_HEADER_BYTES
  const padded = body - BOX_BYTES * Math.max(1, Math.ceil(body / SEALED_CHUNK_BYTES))
  if (!Number.isSafeInteger(blobSize) || padded < 0 || blobBytes(padded) !== blobSize)
    malformed(`No encrypted file has ${blobSize} bytes`)
  if (!Number.isSafeInteger(plaintextSize) || plaintextSize < 0 || plaintextSize > padded)
    malformed(`${plaintextSize} bytes do not fit into ${padded}`)
  return padded
}
