import type { WebSocket } from 'uWebSockets.js'
import { CloseCode, mayReconnect } from '../../proto/close-codes.ts'
import { encodeServerFrames, encodeServerFramesJson } from '../../proto/codec.ts'
import type { ServerFrame } from '../../proto/frames.ts'
import type { Connection, ConnectionHandler } from './connection.ts'
import type { Heartbeated } from './heartbeat.ts'
import type { TurnTaker } from './turns.ts'

export interface SocketData {
  readonly connection: SocketConnection
}

/** What a connection needs of its gateway. */
export interface ConnectionHost {
  /** Bytes that may wait for a client that reads slowly. */
  readonly maxBackpressureBytes: number
  /** Calls `flush` of the connection at the end of the tick. */
  wantFlush(connection: SocketConnection): void
  /** The connection's `buffered` has changed by so many bytes. */
  bufferedMore(connection: SocketConnection, bytes: number): void
}

/** Frames that have gathered leave at the end of the tick, or when they hold so much. */
const FLUSH_BYTES = 64 * 1_024
/** What a frame holds at most beside payloads and ids, about. */
const FRAME_BYTES = 128
const ID_BYTES = 40
/** So much not taken by the client, and it counts as congested; closed then, it is cut, and nothing of it stays in memory. */
const CONGESTED_BYTES = 256 * 1_024

const BUFFERED = 0
const DROPPED = 2

const reasons = new Map<number, string>(
  Object.entries(CloseCode).map(([name, code]) => [code, name.toLowerCase().replaceAll('_', ' ')]),
)

/** A WebSocket of uWebSockets.js as a {@link Connection}: frames gather during a tick and leave as one message. */
export class SocketConnection implements Connection, Heartbeated, TurnTaker {
  readonly address: string
  alive = true
  spoke = 0
  missed = 0
  /** A frame has come in. */
  heard = false
  handler: ConnectionHandler | undefined
  tick = 0
  work = 0
  waiting: Uint8Array[] | undefined
  waitingBytes = 0
  /** Bytes that the client has not taken yet, as of the last look. */
  buffered = 0
  /** Why the node closed it. */
  closeCode: CloseCode | undefined
  readonly #host: ConnectionHost
  readonly #json: boolean
  #socket: WebSocket<SocketData> | undefined
  #frames: ServerFrame[] | undefined
  /** About what the frames hold. */
  #bytes = 0
  /** The host is to call `flush`. */
  #flushWanted = false
  #closing = false

  constructor(address: string, json: boolean, host: ConnectionHost) {
    this.address = address
    this.#json = json
    this.#host = host
  }

  get json(): boolean {
    return this.#json
  }

  get congested(): boolean {
    return this.buffered > CONGESTED_BYTES
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
    this.#look(0)
    this.handler?.onClosed()
  }

  send(frame: ServerFrame): void {
    if (this.#closing) return
    if (this.#frames === undefined) this.#frames = [frame]
    else this.#frames.push(frame)
    this.#bytes += roughBytes(frame)
    if (this.#bytes >= FLUSH_BYTES) return this.#sendGathered()
    if (this.#flushWanted) return
    this.#flushWanted = true
    this.#host.wantFlush(this)
  }

  close(code: CloseCode): void {
    if (this.#closing) return
    this.#sendGathered()
    this.#end(code)
  }

  /** Closes it without sending what has gathered. */
  cut(code: CloseCode): void {
    this.#frames = undefined
    this.#end(code)
  }

  #end(code: CloseCode): void {
    if (this.#closing) return
    this.#closing = true
    this.closeCode = code
    const socket = this.#socket
    if (socket === undefined) return
    // Both call `close` of the behaviour at once. A cut client connects again, as one does that may.
    if (mayReconnect(code) && this.congested) socket.close()
    else socket.end(code, reasons.get(code))
  }

  /** Sends what has gathered. */
  flush(): void {
    this.#flushWanted = false
    this.#sendGathered()
  }

  /** The client has taken some of what was buffered. */
  drained(): void {
    this.#look(this.#socket?.getBufferedAmount() ?? 0)
  }

  ping(): void {
    this.#socket?.ping()
  }

  onSilence(): void {
    this.close(CloseCode.NO_PONG)
  }

  #sendGathered(): void {
    const frames = this.#frames
    this.#frames = undefined
    this.#bytes = 0
    const socket = this.#socket
    if (frames === undefined || socket === undefined || this.#closing) return
    const message = this.#json ? encodeServerFramesJson(frames) : encodeServerFrames(frames)
    if (this.buffered > 0 && socket.getBufferedAmount() + message.length > this.#host.maxBackpressureBytes) {
      return this.close(CloseCode.SLOW_CONSUMER)
    }
    const result = socket.send(message, !this.#json)
    if (result === DROPPED) this.close(CloseCode.SLOW_CONSUMER)
    else if (result === BUFFERED) this.#look(socket.getBufferedAmount())
  }

  #look(buffered: number): void {
    const more = buffered - this.buffered
    if (more === 0) return
    this.buffered = buffered
    this.#host.bufferedMore(this, more)
  }
}

function roughBytes(frame: ServerFrame): number {
  if (frame.type === 'deliver') {
    const { payload, about } = frame.envelope
    return FRAME_BYTES + payload.length + ID_BYTES * about.length
  }
  return frame.type === 'signal' ? FRAME_BYTES + frame.payload.length : FRAME_BYTES
}
