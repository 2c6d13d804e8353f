import { ByteReader, concat, KEY_BYTES } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { BOX_BYTES, NONCE_BYTES } from '../primitives/secretbox.ts'
import { readHead, VERSION } from './head.ts'

export const LINKING_OFFER = 0x51
export const LINKING_REQUEST = 0x52
export const LINKING_GRANT = 0x53

export type LinkingType = typeof LINKING_OFFER | typeof LINKING_REQUEST | typeof LINKING_GRANT

/** What the server's rendezvous takes for one message. */
const MAX_MESSAGE_BYTES = 4_096

/** A message of a linking, as it passes through the server: 01 type ‖ [public key] ‖ nonce ‖ secretbox. */
export interface LinkingBox {
  /** The primary's, made for this linking: in an offer, and in no other. */
  readonly publicKey?: Uint8Array
  readonly nonce: Uint8Array
  readonly box: Uint8Array
}

export function encodeLinkingBox(type: LinkingType, { publicKey, nonce, box }: LinkingBox): Uint8Array {
  return concat(Uint8Array.of(VERSION, type), publicKey ?? new Uint8Array(0), nonce, box)
}

/** @throws {CryptoError} MALFORMED; UNKNOWN_VERSION for another type than the one expected */
export function decodeLinkingBox(type: LinkingType, bytes: Uint8Array): LinkingBox {
  if (bytes.length > MAX_MESSAGE_BYTES) malformed('A message of a linking is too long')
  const reader = new ByteReader(bytes)
  readHead(reader, type)
  const key = type === LINKING_OFFER ? { publicKey: reader.take(KEY_BYTES) } : {}
  const nonce = reader.take(NONCE_BYTES)
  if (reader.left < BOX_BYTES) malformed('A box without its tag')
  return { ...key, nonce, box: reader.take(reader.left) }
}
