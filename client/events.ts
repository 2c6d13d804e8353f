import type { PresenceFrame, WireAddress } from '../proto/frames.ts'
import type { ConnectionState } from './connection.ts'
import type { ParleyError } from './errors.ts'
import type { IncomingMessage, OutgoingMessage } from './message.ts'

/** What a client tells. */
export interface ClientEvents {
  /** A message came. Once for every message, in order for every sender, and only when it is stored. */
  message: IncomingMessage
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
  /** Something failed that no call waits for: for example the store (`STORE_FAILED`). The client goes on trying. */
  error: ParleyError
}
