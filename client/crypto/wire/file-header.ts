import { ByteReader, ByteWriter } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0x40
/** Of content; the last one of a file may be shorter. */
export const CHUNK_BYTES = 65_536
export const FILE_PREFIX_BYTES = 15
export const FILE_HEADER_BYTES = 2 + 4 + FILE_PREFIX_BYTES

/** How an encrypted file begins: 01 40 ‖ chunk size u32 ‖ prefix, 21 bytes. */
export interface FileHeader {
  /** What the nonces of its chunks begin with: 15 random bytes. */
  readonly prefix: Uint8Array
}

export function encodeFileHeader({ prefix }: FileHeader): Uint8Array {
  return new ByteWriter(FILE_HEADER_BYTES).u8(VERSION).u8(TYPE).u32(CHUNK_BYTES).put(prefix).finish()
}

/** @throws {CryptoError} MALFORMED; UNKNOWN_VERSION for another chunk size too */
export function decodeFileHeader(bytes: Uint8Array): FileHeader {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const chunkBytes = reader.u32()
  if (chunkBytes !== CHUNK_BYTES) throw new CryptoError('UNKNOWN_VERSION', `Chunks of ${chunkBytes} bytes`)
  const prefix = reader.take(FILE_PREFIX_BYTES)
  reader.end()
  return { prefix }
}
