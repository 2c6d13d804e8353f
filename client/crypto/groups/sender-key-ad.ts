import type { WireAddress } from '../../../proto/frames.ts'
import { concat, label } from '../bytes.ts'
import { encodeAddress } from '../wire/address.ts'

/** What derives the keys of a group message's box and tag. */
export const SENDER_KEY_SEAL = 'skm-mk'
/** What a chain's key signs group messages under. */
export const SENDER_KEY_SIGNATURE = 'skm'

/** Binds a message to the device that sends it. */
export function senderKeyAd(sender: WireAddress): Uint8Array {
  return concat(label('skm-ad'), encodeAddress(sender))
}

/** What is signed of a message: the sender and all of it before the signature. */
export function signedPart(sender: WireAddress, unsigned: Uint8Array): Uint8Array {
  return concat(encodeAddress(sender), unsigned)
}
