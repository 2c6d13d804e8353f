import type { Copy, Kind } from '../proto/frames.ts'

/** One unit on its way to a user, from when it is stored until it is accepted or has failed. */
export interface OutboxEntry {
  /** Client id: the same in every resend. */
  readonly id: string
  /** Rises with every entry of this device: the order within a conversation. */
  readonly order: number
  readonly to: number
  readonly kind: Kind
  /** The plaintext, as long as it may have to be encrypted for one more device; empty where there is none. */
  readonly content: Uint8Array
  readonly about: readonly string[]
  /** The only devices it is for; undefined: all of the recipient. */
  readonly devices?: readonly number[]
  /** Devices that it is not for, since the server says that they are gone. */
  readonly except?: readonly number[]
  /** The account key that it was accepted for before: it never goes to another one by itself. */
  readonly account?: string | undefined
  /** What is encrypted so far: the same bytes go in every resend. */
  readonly copies: readonly Copy[]
  /** Nothing is left to be encrypted, as far as is known. */
  readonly sealed: boolean
}

/** Of a send beside its copies, and of a copy beside its payload. */
const SEND_BYTES = 70
const COPY_BYTES = 20
const ID_BYTES = 40

/** About what a send of it takes on the wire. */
export function bytesOf({ copies, about }: OutboxEntry): number {
  return copies.reduce((sum, { payload }) => sum + COPY_BYTES + payload.length, SEND_BYTES + about.length * ID_BYTES)
}
