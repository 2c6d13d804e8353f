import { Kind } from '../../proto/frames.ts'
import type { Address, MessageId } from './ids.ts'

/** One addressed, opaque unit that a mailbox holds. Its identity for people is (from, id); `messageId` orders it. */
export interface Envelope {
  readonly messageId: MessageId
  readonly from: Address
  readonly to: Address
  readonly kind: Kind
  /** The client id: made by the sending device, the same in every resend. */
  readonly id: string
  readonly payload: Uint8Array
  /** The client ids that a receipt is about; else empty. */
  readonly about: readonly string[]
  /** It may wake a phone. */
  readonly urgent: boolean
  /** ms since 1970: the time of the stamp. */
  readonly sentAt: number
  /** ms since 1970: from then on it is not delivered any more. */
  readonly expiresAt: number
}

/** About what an envelope without content takes in memory. */
const OVERHEAD_BYTES = 200
/** What its row takes in PostgreSQL, with its place in the index. */
export const ROW_BYTES = 250

/** About how much memory an envelope holds, for bounds. */
export function envelopeBytes(envelope: Envelope): number {
  return OVERHEAD_BYTES + envelope.payload.length + 40 * envelope.about.length
}

/** What its row takes in PostgreSQL. */
export function rowBytes(envelope: Envelope): number {
  return receiptRowBytes(envelope.about.length) + envelope.payload.length
}

/** What the row of a receipt about so many messages takes there. */
export function receiptRowBytes(about: number): number {
  return ROW_BYTES + 37 * about
}

/** Receipts only move forward and may be repeated, so nothing waits for them and their order does not matter. */
export function isReceipt(kind: Kind): boolean {
  return kind === Kind.DELIVERED || kind === Kind.READ || kind === Kind.PLAYED || kind === Kind.EXPIRED
}

/** Whether the sender is told what became of it: what people sent to somebody else. */
export function isTracked(envelope: Envelope): boolean {
  return (envelope.kind === Kind.MESSAGE || envelope.kind === Kind.STATUS) && envelope.from.user !== envelope.to.user
}
