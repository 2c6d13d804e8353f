import { label } from '../bytes.ts'
import { sha256 } from '../primitives/hash.ts'

export const MASTER_KEY_ID_BYTES = 4

/** What a key box names the operator's master key by: "kid". */
export function masterKeyId(masterKey: Uint8Array): Uint8Array {
  return sha256(label('mk-id'), masterKey).slice(0, MASTER_KEY_ID_BYTES)
}
