import { ByteReader, ByteWriter } from '../bytes.ts'
import { readUser } from './address.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0x60
const SALT_BYTES = 32
export const BACKUP_HEADER_BYTES = 2 + 8 + 8 + 8 + SALT_BYTES

/** How a backup begins: 01 60 ‖ user ‖ version ‖ createdMs ‖ salt, 58 bytes. An encrypted file follows. */
export interface BackupHeader {
  readonly user: number
  /** Rises with every backup of the account. */
  readonly version: number
  readonly createdMs: number
  /** 32 random bytes. */
  readonly salt: Uint8Array
}

export function encodeBackupHeader({ user, version, createdMs, salt }: BackupHeader): Uint8Array {
  const writer = new ByteWriter(BACKUP_HEADER_BYTES)
  return writer.u8(VERSION).u8(TYPE).u64(user).u64(version).u64(createdMs).put(salt).finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeBackupHeader(bytes: Uint8Array): BackupHeader {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const user = readUser(reader)
  const version = reader.u64()
  const createdMs = reader.u64()
  const salt = reader.take(SALT_BYTES)
  reader.end()
  return { user, version, createdMs, salt }
}
