import type { WireAddress } from '../../../proto/frames.ts'
import { ByteWriter, label } from '../bytes.ts'
import { sha256 } from '../primitives/hash.ts'
import { ADDRESS_BYTES } from '../wire/address.ts'

const AUDIENCE_BYTES = 8

/** A device that gets the messages of a group, in its present installation. */
export interface Recipient {
  readonly address: WireAddress
  readonly registrationId: number
}

/**
 * Names the devices that a group message is encrypted for, for the server to compare with those it knows.
 *
 * @param recipients - all devices of all members, the sending one too; in any order
 */
export function audienceHash(groupId: Uint8Array, epoch: number, recipients: readonly Recipient[]): Uint8Array {
  const writer = new ByteWriter(4 + 4 + recipients.length * (ADDRESS_BYTES + 4))
  writer.u32(epoch).u32(recipients.length)
  for (const { address, registrationId } of recipients.toSorted(byAddress)) {
    writer.u64(address.user).u32(address.device).u32(registrationId)
  }
  return sha256(label('audience'), groupId, writer.finish()).slice(0, AUDIENCE_BYTES)
}

function byAddress({ address: a }: Recipient, { address: b }: Recipient): number {
  return a.user - b.user || a.device - b.device
}
