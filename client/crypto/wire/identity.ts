import { concat, KEY_BYTES } from '../bytes.ts'
import type { ByteReader } from '../bytes.ts'

export const IDENTITY_BYTES = 3 * KEY_BYTES

/** The public keys of a device and of the account it belongs to. */
export interface Identity {
  /** Ed25519, one for all devices of the account: signs certificates and device lists. "AIK" */
  readonly accountKey: Uint8Array
  /** Ed25519: signs pre-keys, group states and retry receipts. "DIKs" */
  readonly signingKey: Uint8Array
  /** X25519: the long-term half of a handshake. "DIKd" */
  readonly agreementKey: Uint8Array
}

/** AIK ‖ DIKs ‖ DIKd */
export function encodeIdentity({ accountKey, signingKey, agreementKey }: Identity): Uint8Array {
  return concat(accountKey, signingKey, agreementKey)
}

export function readIdentity(reader: ByteReader): Identity {
  return {
    accountKey: reader.take(KEY_BYTES),
    signingKey: reader.take(KEY_BYTES),
    agreementKey: reader.take(KEY_BYTES),
  }
}
