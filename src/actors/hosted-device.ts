import type { Copy, Kind } from '../../proto/frames.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, MessageId, UserId } from '../shared/ids.ts'
import type { SendRefusal } from './sender.ts'

/** What a hosted device sends: encrypted for each of the recipient's devices. */
export interface HostedMessage {
  /** Client id: a UUID, the same in every resend. */
  readonly id: string
  readonly to: UserId
  readonly kind: Kind
  readonly copies: readonly Copy[]
  /** It may wake a phone. */
  readonly urgent: boolean
}

export interface HostedAccepted {
  readonly messageId: MessageId
  readonly acceptedAtMs: number
}

/** The mailboxes of devices whose keys the server holds. All of it works with any node. */
export interface HostedMailbox {
  /** Resolves when every copy is safe (✓), or with the reason why it is not. */
  send(from: Address, message: HostedMessage): Promise<HostedAccepted | SendRefusal>

  /** What waits for the device, oldest first; receipts are dealt with inside. */
  read(owner: Address, limit: number): Promise<{ readonly envelopes: readonly Envelope[]; readonly more: boolean }>

  /** The device has stored these: their senders get ✓✓, and they are gone. */
  acknowledge(owner: Address, envelopes: readonly Envelope[]): Promise<void>

  /** Tells a sender that these messages were read. */
  tellRead(owner: Address, to: UserId, about: readonly string[]): Promise<void>
}
