import type { CloseCode } from '../../proto/close-codes.ts'
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'

/** One WebSocket connection, as the layers above see it. */
export interface Connection {
  /** The client's network address. */
  readonly address: string
  /** The client reads more slowly than it is sent to: what may be dropped is better dropped. */
  readonly congested: boolean
  /** Frames of one tick leave together. After `close` nothing is sent. */
  send(frame: ServerFrame): void
  /** Sends what waits, now. */
  flush(): void
  /** Sends what waits, then closes. Only the first call counts. */
  close(code: CloseCode): void
}

/** Whoever handles a connection. */
export interface ConnectionHandler {
  /** Whether a message of so many bytes is to be read: it is not decoded yet. Else the connection has been closed. */
  admits(bytes: number): boolean
  /** A WebSocket ping, or a pong that nobody asked for: the library has answered it. */
  onControl(): void
  /** The frames of one WebSocket message, which may be none, and its bytes. */
  onFrames(frames: readonly ClientFrame[], bytes: number): void
  /** It is gone. Called once. */
  onClosed(): void
}
