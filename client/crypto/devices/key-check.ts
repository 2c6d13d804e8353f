import type { WireAddress } from '../../../proto/frames.ts'
import { ByteWriter, label, typed } from '../bytes.ts'
import { sha256 } from '../primitives/hash.ts'
import { encodeAddress } from '../wire/address.ts'
import { encodeIdentity } from '../wire/identity.ts'
import type { Identity } from '../wire/identity.ts'
import type { KemPreKey, SignedPreKey } from '../wire/pre-keys.ts'

/** Of the keys that last: where the device and the server disagree about it, one of them was restored. */
export function keyCheck(
  address: WireAddress,
  identity: Identity,
  signedPreKey: Pick<SignedPreKey, 'id' | 'publicKey'>,
  lastResort: Pick<KemPreKey, 'id' | 'publicKey'>,
): Uint8Array {
  return sha256(
    label('keycheck'),
    encodeAddress(address),
    encodeIdentity(identity),
    u32(signedPreKey.id),
    typed(0x05, signedPreKey.publicKey),
    u32(lastResort.id),
    typed(0x09, lastResort.publicKey),
  )
}

function u32(value: number): Uint8Array {
  return new ByteWriter(4).u32(value).finish()
}
