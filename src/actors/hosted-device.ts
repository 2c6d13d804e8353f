import type { Envelope } from '../shared/envelope.ts'
import type { Address, MessageId, UserId } from '../shared/ids.ts'
import type { Refusal } from '../shared/refusal.ts'

/** What a hosted device sends: its content is encoded, and encrypted for the recipient's devices inside. */
export interface HostedMessage {
  /** Client id: a UUID, the same in every resend. */
  readonly id: string
  readonly to: UserId
  readonly payload: Uint8Array
  /** It may wake a phone. */
  readonly urgent: boolean
}

export interface HostedAccepted {
  readonly messageId: MessageId
  readonly acceptedAtMs: number
}

/** The devices whose keys the server holds, as the HTTP API uses them. All of it works with any node. */
export interface HostedDevices {
  /** Resolves when every copy is safe (✓), or with the reason why it is not. */
  send(from: Address, message: HostedMessage): Promise<HostedAccepted | Refusal>

  /** What people sent and the device has not acknowledged, oldest first; receipts are dealt with inside. */
  read(owner: Address, limit: number): Promise<{ readonly envelopes: readonly Envelope[]; readonly more: boolean }>

  /**
   * Acknowledges everything up to and including this message, and sends the receipts: ✓✓, with `read` also READ.
   * @returns how many envelopes went
   */
  acknowledge(owner: Address, upTo: MessageId, options: { readonly read: boolean }): Promise<number>
}
