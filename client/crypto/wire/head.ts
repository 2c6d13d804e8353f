import type { ByteReader } from '../bytes.ts'
import { CryptoError } from '../errors.ts'

/** Of every object: the protocol's version, which is also its suite. */
export const VERSION = 1

/** The two bytes that an object begins with. @throws {CryptoError} UNKNOWN_VERSION for another version or type */
export function readHead(reader: ByteReader, type: number): void {
  const version = reader.u8()
  if (version !== VERSION) throw new CryptoError('UNKNOWN_VERSION', `Version ${version} is not known`)
  const found = reader.u8()
  if (found !== type) throw new CryptoError('UNKNOWN_VERSION', `Type ${found} where ${type} is expected`)
}

/** One byte. @throws {CryptoError} UNKNOWN_VERSION for a flag outside of `known` */
export function readFlags(reader: ByteReader, known: number): number {
  const flags = reader.u8()
  if ((flags & ~known) !== 0) throw new CryptoError('UNKNOWN_VERSION', `Flags ${flags} are not known`)
  return flags
}
