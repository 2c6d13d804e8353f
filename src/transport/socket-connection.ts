import type { WebSocket } from 'uWebSockets.js'
import { CloseCode } from '../../proto/close-codes.ts'
import { encodeServerFrames, encodeServerFramesJson } from '../../proto/codec.ts'
import type { ServerFrame } from '../../proto/frames.ts'
import type { Connection, ConnectionHandler } from './connection.ts'
import type { Heartbeated } from './heartbeat.ts'

export interface SocketData {
  readonly connection: SocketConnection
}

/** What a connection needs of its gateway. */
export interface ConnectionHost {
  /** Bytes that may wait for a client that reads slowly. */
  readonly maxBackpressureBytes: number
  /** Calls `flush` of the connection at the end of the tick. */
  wantFlush(connection: SocketConnection): void
}

const BUFFERED = 0
const DROPPED = 2

const reasons = new Map<number, string>(
  Object.entries(CloseCode).map(([name, code]) => [code, name.toLowerCase().replaceAll('_', ' ')]),
)

/** A WebSocket of uWebSockets.js as a {@link Connection}: frames gather during a tick and leave as one message. */
export class SocketConnection implements Connection, Heartbeated {
  readonly address: string
  alive = true
  spoke = 0
  missed = 0
  /** A frame has come in. */
  heard = false
  handler: ConnectionHandler | undefined
  readonly #host: ConnectionHost
  readonly #json: boolean
  #socket: WebSocket<SocketData> | undefined
  #frames: ServerFrame[] | undefined
  #closing = false
  /** The client reads more slowly than it is sent to. */
  #slow = false

  constructor(address: string, json: boolean, host: ConnectionHost) {
    this.address = address
    this.#json = json
    this.#host = host
  }

  get json(): boolean {
    return this.#json
  }

  get closing(): boolean {
    return this.#closing
  }

  opened(socket: WebSocket<SocketData>): void {
    this.#socket = socket
  }

  /** The socket is gone and must not be touched any more. */
  gone(): void {
    this.#socket = undefined
    this.#closing = true
    this.#frames = undefined
    this.handler?.onClosed()
  }

  send(frame: ServerFrame): void {
    if (this.#closing) return
    if (this.#frames !== undefined) return void this.#frames.push(frame)
    this.#frames = [frame]
    this.#host.wantFlush(this)
  }

  close(code: CloseCode): void {
    if (this.#closing) return
    this.flush()
    if (this.#closing) return
    this.#closing = true
    // uWebSockets.js calls `close` of its behaviour at once, and cuts a client that does not take part.
    this.#socket?.end(code, reasons.get(code))
  }

  /** Sends what has gathered. */
  flush(): void {
    const frames = this.#frames
    this.#frames = undefined
    const socket = this.#socket
    if (frames === undefined || socket === undefined || this.#closing) return
    const message = this.#json ? encodeServerFramesJson(frames) : encodeServerFrames(frames)
    if (this.#slow && socket.getBufferedAmount() + message.length > this.#host.maxBackpressureBytes) {
      return this.close(CloseCode.SLOW_CONSUMER)
    }
    const result = socket.send(message, !this.#json)
    if (result === DROPPED) this.close(CloseCode.SLOW_CONSUMER)
    else if (result === BUFFERED) this.#slow = true
  }

  /** All that was buffered is out. */
  drained(): void {
    if (this.#socket?.getBufferedAmount() === 0) this.#slow = false
  }

  ping(): void {
    this.#socket?.ping()
  }

  onSilence(): void {
    this.close(CloseCode.NO_PONG)
  }
}
