import type { PresenceFrame, WireAddress } from '../proto/frames.ts'
import type { ConnectionState } from './connection.ts'
import type { ParleyError } from './errors.ts'
import type { BlockedReason } from './secrecy/sealer.ts'
import type { IncomingMessage, Message, OutgoingMessage } from './message.ts'

/** What a client tells. */
export interface ClientEvents {
  /** A message came. Once for every message, in order for every sender, and only when it is stored. */
  message: IncomingMessage
  /** Another device of the user sent a message. */
  sent: OutgoingMessage
  /** A message shows something else than before, or was read on another device. */
  changed: Message
  /** A user has another account key than before, or two device lists at once: see `Client.trust`. */
  identity: { readonly user: number; readonly change: 'changed' | 'forked' }
  /** What is for this user waits: for `Client.trust.accept`, or `acceptHosted`. */
  blocked: { readonly user: number; readonly reason: BlockedReason }
  /** What is for this user waits because their mailbox is full: it is sent again after minutes. Or it goes on. */
  mailboxFull: { readonly user: number; readonly full: boolean }
  /** The devices of a user have changed. */
  devices: { readonly user: number }
  /** Messages from before this device was linked have come from the primary one. `complete`: all of them. */
  history: { readonly messages: number; readonly complete: boolean }
  /** An outgoing message has moved: see its `status`. */
  receipt: OutgoingMessage
  connection: ConnectionState
  /** Once a session: all that had waited on the server has come. */
  caughtUp: undefined
  /** A watched user came or went. `lastSeen` 0: unknown, or not shown. */
  presence: Pick<PresenceFrame, 'user' | 'online' | 'lastSeen'>
  typing: { readonly user: number; readonly typing: boolean }
  /** A signal that is not the SDK's own. */
  signal: { readonly from: WireAddress; readonly payload: Uint8Array }
  /** The server was restored from a back-up of this time, and `resent` messages of this device that it may have lost go again. */
  restored: { readonly restoredTo: number; readonly resent: number }
  /** Something failed that no call waits for: for example the store (`STORE_FAILED`). The client goes on trying. */
  error: ParleyError
}
