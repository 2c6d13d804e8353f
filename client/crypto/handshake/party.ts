import type { WireAddress } from '../../../proto/frames.ts'
import { concat } from '../bytes.ts'
import { encodeAddress } from '../wire/address.ts'
import { encodeIdentity } from '../wire/identity.ts'
import type { Identity } from '../wire/identity.ts'

/** A device and its keys, as both sides of a session name it. */
export interface Party {
  readonly address: WireAddress
  readonly identity: Identity
}

/** address ‖ identity, 108 bytes. */
export function encodeParty({ address, identity }: Party): Uint8Array {
  return concat(encodeAddress(address), encodeIdentity(identity))
}
