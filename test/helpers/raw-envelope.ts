import { randomUUID } from 'node:crypto'
import { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { Address, DeviceId, MessageId, UserId } from '../../src/shared/ids.ts'

/** The address of a user's device. */
export function addressOf(user: number, device = 1): Address {
  return { user: user as UserId, device: device as DeviceId }
}

/** A message id, by its number. */
export const idOf = (number: number | bigint): MessageId => BigInt(number) as MessageId

let last = 0

/** A message to a mailbox; each has the next message id. */
export function envelopeTo(to: Address, more: Partial<Envelope> = {}): Envelope {
  last++
  return {
    messageId: idOf(last),
    from: addressOf(15_550_000_009),
    to,
    kind: Kind.MESSAGE,
    id: randomUUID(),
    payload: new Uint8Array([1, 2, 3]),
    about: [],
    urgent: false,
    sentAt: 0,
    expiresAt: 4_000_000_000_000,
    ...more,
  }
}
