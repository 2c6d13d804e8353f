import type { CloseCode } from '../../proto/close-codes.ts'
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'

/** One WebSocket connection, as the layers above see it. */
export interface Connection {
  /** The client's network address. */
  readonly address: string
  /** Frames of one tick leave together. After `close` nothing is sent. */
  send(frame: ServerFrame): void
  /** Sends what waits, now. */
  flush(): void
  /** Sends what waits, then closes. Only the first call counts. */
  close(code: CloseCode): void
}

/** Whoever handles a connection. */
export interface ConnectionHandler {
  /** The frames of one WebSocket message. */
  onFrames(frames: readonly ClientFrame[]): void
  /** It is gone. Called once. */
  onClosed(): void
}
