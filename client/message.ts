import type { ContactBody, LocationBody } from '../proto/content.ts'
import type { Status } from './receipts.ts'

/** What a message shows. */
export type Body =
  | { readonly type: 'text'; readonly text: string }
  | LocationBody
  | ContactBody
  /** Made by a later version of the SDK: to be shown as "needs a newer version". */
  | { readonly type: 'unsupported' }
  /** What arrived is no content, or contradicts its envelope. */
  | { readonly type: 'unreadable' }
  /** It could not be decrypted, and was asked for again: to be shown as "waiting for this message". */
  | { readonly type: 'undecrypted' }

interface MessageBase {
  /** Client id, made by the sending device. */
  readonly id: string
  /** The user whom the conversation is with. */
  readonly chat: number
  readonly body: Body
  /**
   * The order of the chat, on every device of the user the same: by the server's stamp. A message that is not accepted yet
   * stands last, and gets its place with ✓.
   */
  readonly order: number
  /** ms since 1970. Incoming: the server's clock; outgoing: this device's until accepted, then the server's. */
  readonly sentAt: number
}

export interface OutgoingMessage extends MessageBase {
  readonly direction: 'out'
  readonly status: Status
  /** Which of the user's devices sent it; undefined: not known. */
  readonly device?: number
  /** The recipient's devices that have it. */
  readonly deliveredTo: readonly number[]
  /** Why it failed: a key of `errorCodes`, `STORE_FAILED`, or `RESTORED`: it waited when a backup was made. */
  readonly error?: string
}

export interface IncomingMessage extends MessageBase {
  readonly direction: 'in'
  /** Which of the peer's devices sent it. */
  readonly device: number
  /** It was seen, on this or another device of the user: see `Client.markRead`. */
  readonly read: boolean
  /** The operator of a server can read what the account that sent it sends and gets. */
  readonly hosted: boolean
}

export type Message = OutgoingMessage | IncomingMessage

/** A conversation in the list of chats. */
export interface Chat {
  readonly user: number
  /** Incoming messages that were not marked read. */
  readonly unread: number
  /** When the last message came or went, ms since 1970. */
  readonly lastAt: number
}
