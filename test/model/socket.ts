import type { Envelope } from '../../src/shared/envelope.ts'
import type { Actor } from './actor.ts'
import type { Node } from './node.ts'
import type { Session } from './session.ts'

export type ServerFrame =
  | { readonly type: 'deliver'; readonly seq: number; readonly envelope: Envelope }
  | { readonly type: 'caughtUp' }
  | {
      readonly type: 'accepted'
      readonly message: number
      readonly messageId: bigint
      readonly delivered: readonly number[]
    }
  | { readonly type: 'error'; readonly message: number; readonly full: boolean }
  /** `replaced` is terminal: the client does not connect again. */
  | { readonly type: 'close'; readonly replaced: boolean }

export type ClientFrame =
  | { readonly type: 'connect'; readonly floor: bigint }
  /** `glued`: in one WebSocket message with the frame before. */
  | { readonly type: 'send'; readonly message: number; readonly first: boolean; readonly glued: boolean }
  | { readonly type: 'ack'; readonly upTo: number }

/** One connection, with what is on the wire in both directions, and what its client remembers of it. */
export class Socket {
  readonly index: number
  readonly device: number
  /** Which connection of the device it is. */
  readonly number: number
  readonly node: Node
  readonly toServer: ClientFrame[] = []
  readonly toClient: ServerFrame[] = []
  /** The client has gone. */
  left = false
  /** The server hears and says nothing more. */
  ended = false
  actor: Actor | undefined
  session: Session | undefined

  // The client's side.
  received = 0
  acknowledged = 0
  caughtUp = 0
  /** Messages accepted before it connected: `caughtUp` comes after them. */
  readonly due: readonly number[]
  readonly unanswered = new Set<number>()

  constructor(index: number, device: number, number: number, node: Node, due: readonly number[]) {
    this.index = index
    this.device = device
    this.number = number
    this.node = node
    this.due = due
  }

  /** The server says something. */
  say(frame: ServerFrame): void {
    if (!this.ended) this.toClient.push(frame)
  }

  /** The server closes the connection. */
  end(replaced: boolean): void {
    this.say({ type: 'close', replaced })
    this.ended = true
  }
}
