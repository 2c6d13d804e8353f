import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'
import { readFlags, readHead, VERSION } from './head.ts'

const TYPE = 0x50
const HOSTED = 1
const RENDEZVOUS_ID_BYTES = 16

/** What a new device shows, and the primary scans: 01 50 ‖ flags ‖ rendezvousId ‖ public key ‖ linkSecret, 83 bytes. */
export interface LinkingQr {
  /** The flag of the certificate that it asks for. */
  readonly hosted: boolean
  /** Where at the server the two meet: 16 bytes. */
  readonly rendezvousId: Uint8Array
  /** X25519, made for this linking. */
  readonly publicKey: Uint8Array
  /** 32 bytes that the server never gets. */
  readonly linkSecret: Uint8Array
}

export function encodeLinkingQr({ hosted, rendezvousId, publicKey, linkSecret }: LinkingQr): Uint8Array {
  return new ByteWriter(2 + 1 + RENDEZVOUS_ID_BYTES + 2 * KEY_BYTES)
    .u8(VERSION)
    .u8(TYPE)
    .u8(hosted ? HOSTED : 0)
    .put(rendezvousId)
    .put(publicKey)
    .put(linkSecret)
    .finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeLinkingQr(bytes: Uint8Array): LinkingQr {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const hosted = readFlags(reader, HOSTED) === HOSTED
  const rendezvousId = reader.take(RENDEZVOUS_ID_BYTES)
  const publicKey = reader.take(KEY_BYTES)
  const linkSecret = reader.take(KEY_BYTES)
  reader.end()
  return { hosted, rendezvousId, publicKey, linkSecret }
}
