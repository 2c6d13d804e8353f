import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0x58

/** What one person shows and the other scans: 01 58 ‖ own ‖ peer, 66 bytes. */
export interface SafetyQr {
  /** The fingerprint of the one who shows it: 32 bytes. */
  readonly own: Uint8Array
  readonly peer: Uint8Array
}

export function encodeSafetyQr({ own, peer }: SafetyQr): Uint8Array {
  return new ByteWriter(2 + 2 * KEY_BYTES).u8(VERSION).u8(TYPE).put(own).put(peer).finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeSafetyQr(bytes: Uint8Array): SafetyQr {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const own = reader.take(KEY_BYTES)
  const peer = reader.take(KEY_BYTES)
  reader.end()
  return { own, peer }
}
