import uWS from './uws.ts'
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js'
import { CloseCode } from '../../proto/close-codes.ts'
import { decodeClientFrames, decodeClientFramesJson, DecodeError } from '../../proto/codec.ts'
import type { ErrorCode } from '../../proto/error-codes.ts'
import type { ClientFrame } from '../../proto/frames.ts'
import type { ClientAddress } from './client-address.ts'
import type { Connection, ConnectionHandler } from './connection.ts'
import { headerValues } from './header-values.ts'
import { Heartbeat } from './heartbeat.ts'
import { SocketConnection } from './socket-connection.ts'
import type { ConnectionHost, SocketData } from './socket-connection.ts'
import { Turns } from './turns.ts'

export interface GatewayOptions {
  readonly path: string
  /** `connect` must come within it. */
  readonly connectTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly maxMessageBytes: number
  readonly maxBackpressureBytes: number
  readonly events: GatewayEvents
  readonly clientAddress: ClientAddress
  readonly connections: SocketCounts
  /** Whether one more connection of this network address may be opened. */
  admit(address: string): Admission
  /** Of what has come of one socket, and of all, and waits for its turn. */
  readonly waitingBytes: number
  readonly waitingBytesInAll: number
  /** Of what clients have not taken yet, on all sockets. */
  readonly bufferedBytesInAll: number
  /** Somebody connected: who handles it? */
  onConnection(connection: Connection): ConnectionHandler
}

/** If not `ok`, when to come again. `overloaded`: nobody may, now. */
export type Admission =
  { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number; readonly overloaded?: boolean }

/** Counts WebSockets by the network addresses of their clients. */
export interface SocketCounts {
  upgraded(address: string): void
  /** The connection of somebody who wanted one ends. */
  turnedAway(address: string): void
  socketClosed(address: string): void
}

export interface GatewayEvents {
  socketOpened(): void
  socketClosed(code: number): void
  /** A handler threw. */
  socketFault(error: unknown): void
  undecodable(error: DecodeError): void
  /** More came than the limit of this name allows. */
  rateLimited(limit: string): void
}

/** Of RFC 6455. */
const WEBSOCKET_VERSION = '13'
const SUBPROTOCOLS = { proto: 'parley.v1.proto', json: 'parley.v1.json' } as const

/** uWebSockets.js' own limits stand above ours, so that a client hears why it is closed. */
const HEADROOM = 2

/** The WebSocket side of a node: turns sockets into connections, and bytes into frames. */
export class Gateway implements ConnectionHost {
  readonly maxBackpressureBytes: number
  readonly #options: GatewayOptions
  readonly #heartbeat: Heartbeat<SocketConnection>
  /** Nothing has come of them yet; oldest first, with the time of their end. */
  readonly #silent = new Map<SocketConnection, number>()
  readonly #turns: Turns<SocketConnection>
  /** Clients that read more slowly than they are sent to, and what waits for them. */
  readonly #slow = new Set<SocketConnection>()
  #bufferedBytes = 0
  #unflushed: SocketConnection[] = []
  #endOfTickWanted = false
  #draining = false
  #open = 0

  constructor(options: GatewayOptions) {
    this.#options = options
    this.maxBackpressureBytes = options.maxBackpressureBytes
    this.#turns = new Turns({ ...options, handle: (connection, message) => this.#handle(connection, message) })
    this.#heartbeat = new Heartbeat(options.pingIntervalMs, options.pongTimeoutMs, () => this.#endSilent())
  }

  /** Open sockets. */
  get size(): number {
    return this.#open
  }

  /** Registers its route. Before any that takes all paths. */
  serve(app: TemplatedApp): void {
    const { path, maxMessageBytes } = this.#options
    app.ws<SocketData>(path, {
      compression: uWS.DISABLED,
      maxPayloadLength: maxMessageBytes * HEADROOM,
      maxBackpressure: this.maxBackpressureBytes * HEADROOM,
      closeOnBackpressureLimit: true,
      idleTimeout: 0,
      sendPingsAutomatically: false,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (socket) => this.#opened(socket),
      message: (socket, message, isBinary) => this.#message(socket, message, isBinary),
      drain: (socket) => socket.getUserData().connection.drained(),
      ping: (socket) => this.#control(socket.getUserData().connection, false),
      pong: (socket) => this.#control(socket.getUserData().connection, true),
      close: (socket, code) => this.#closed(socket, code),
    })
    this.#heartbeat.start()
  }

  /** Takes no more connections. */
  startDraining(): void {
    this.#draining = true
  }

  close(): void {
    this.#heartbeat.stop()
  }

  wantFlush(connection: SocketConnection): void {
    this.#unflushed.push(connection)
    this.#wantEndOfTick()
  }

  /** Past the bound of all sockets those with most go: they get it from their mailboxes when they come again. */
  bufferedMore(connection: SocketConnection, bytes: number): void {
    this.#bufferedBytes += bytes
    if (connection.buffered > 0) this.#slow.add(connection)
    else this.#slow.delete(connection)
    if (bytes > 0 && this.#bufferedBytes > this.#options.bufferedBytesInAll) this.#cutFattest()
  }

  #cutFattest(): void {
    for (const connection of [...this.#slow].sort((a, b) => b.buffered - a.buffered)) {
      if (this.#bufferedBytes <= this.#options.bufferedBytesInAll) break
      this.#options.events.rateLimited('bufferedBytesInAll')
      connection.cut(CloseCode.SLOW_CONSUMER)
    }
  }

  #wantEndOfTick(): void {
    if (this.#endOfTickWanted) return
    this.#endOfTickWanted = true
    setImmediate(this.#endTick)
  }

  /** All that was read in the tick has been handled, or waits: what gathered for the clients leaves. */
  readonly #endTick = (): void => {
    const busy = this.#turns.endTick()
    this.#endOfTickWanted = false
    if (busy) this.#wantEndOfTick()
    const connections = this.#unflushed
    this.#unflushed = []
    for (const connection of connections) {
      try {
        connection.flush()
      } catch (error) {
        this.#options.events.socketFault(error)
        connection.close(CloseCode.SERVER_ERROR)
      }
    }
  }

  #upgrade(response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void {
    const protocol = headerValues(request, 'sec-websocket-protocol').find(
      (name) => name === SUBPROTOCOLS.proto || name === SUBPROTOCOLS.json,
    )
    const address = this.#options.clientAddress(response, request)
    const refusal = this.#whyNot(request.getHeader('sec-websocket-version'), protocol, address)
    if (refusal !== undefined || protocol === undefined) {
      this.#options.connections.turnedAway(address)
      return refuse(response, refusal ?? NO_PROTOCOL)
    }
    const connection = new SocketConnection(address, protocol === SUBPROTOCOLS.json, this)
    response.upgrade<SocketData>(
      { connection },
      request.getHeader('sec-websocket-key'),
      protocol,
      request.getHeader('sec-websocket-extensions'),
      context,
    )
  }

  #whyNot(version: string, protocol: string | undefined, address: string): UpgradeRefusal | undefined {
    if (version !== WEBSOCKET_VERSION) return WRONG_VERSION
    if (protocol === undefined) return NO_PROTOCOL
    if (this.#draining) return { ...NO_ROOM, detail: 'This node shuts down', retryAfterSeconds: 1 }
    const admission = this.#options.admit(address)
    if (admission.ok) return undefined
    const retryAfterSeconds = Math.ceil(admission.retryAfterMs / 1_000)
    return admission.overloaded ? { ...NO_ROOM, retryAfterSeconds } : { ...TOO_MANY, retryAfterSeconds }
  }

  #opened(socket: WebSocket<SocketData>): void {
    const { connection } = socket.getUserData()
    this.#open++
    this.#options.connections.upgraded(connection.address)
    connection.opened(socket)
    connection.handler = this.#options.onConnection(connection)
    this.#heartbeat.add(connection)
    this.#silent.set(connection, performance.now() + this.#options.connectTimeoutMs)
    this.#options.events.socketOpened()
  }

  #message(socket: WebSocket<SocketData>, message: ArrayBuffer, isBinary: boolean): void {
    const { connection } = socket.getUserData()
    connection.alive = true
    if (connection.closing) return
    if (message.byteLength > this.#options.maxMessageBytes) return connection.close(CloseCode.TOO_LARGE)
    if (isBinary === connection.json) return connection.close(CloseCode.PROTOCOL_ERROR)
    if (connection.handler?.admits(message.byteLength) !== true) return
    this.#wantEndOfTick()
    if (this.#turns.take(connection, new Uint8Array(message))) return
    this.#options.events.rateLimited('waitingBytes')
    connection.close(CloseCode.OVERLOADED)
  }

  /** Returns the things that the message named. */
  #handle(connection: SocketConnection, bytes: Uint8Array): number {
    if (connection.closing) return 0
    try {
      const frames = connection.json ? decodeClientFramesJson(decodeText(bytes)) : decodeClientFrames(bytes)
      if (frames.length > 0 && !connection.heard) {
        connection.heard = true
        this.#silent.delete(connection)
      }
      connection.handler?.onFrames(frames, bytes.length)
      return countThings(frames)
    } catch (error) {
      if (error instanceof DecodeError) {
        this.#options.events.undecodable(error)
        connection.close(CloseCode.PROTOCOL_ERROR)
      } else {
        this.#options.events.socketFault(error)
        connection.close(CloseCode.SERVER_ERROR)
      }
      return 0
    }
  }

  /** A pong answers the heartbeat if there was none since its ping. */
  #control(connection: SocketConnection, isPong: boolean): void {
    const wanted = isPong && !connection.alive
    connection.alive = true
    if (!wanted && !connection.closing) connection.handler?.onControl()
  }

  #closed(socket: WebSocket<SocketData>, code: number): void {
    const { connection } = socket.getUserData()
    this.#open--
    this.#options.connections.socketClosed(connection.address)
    this.#heartbeat.remove(connection)
    this.#silent.delete(connection)
    this.#turns.forget(connection)
    this.#options.events.socketClosed(connection.closeCode ?? code)
    connection.gone()
  }

  /** Ends those that said nothing in time. */
  #endSilent(): void {
    const now = performance.now()
    for (const [connection, deadline] of this.#silent) {
      if (deadline > now) break
      this.#silent.delete(connection)
      // Not the device's fault: its line may be slow.
      connection.close(CloseCode.OVERLOADED)
    }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** uWebSockets.js has checked that text messages are UTF-8. */
function decodeText(bytes: Uint8Array): string {
  return utf8.decode(bytes)
}

/** Frames, and the copies, messages and users in them: each makes work of its own. */
function countThings(frames: readonly ClientFrame[]): number {
  let things = frames.length
  for (const frame of frames) {
    if (frame.type === 'send') things += frame.copies.length + frame.about.length
    else if (frame.type === 'watch' || frame.type === 'unwatch') things += frame.users.length
  }
  return things
}

interface UpgradeRefusal {
  readonly status: string
  readonly code: ErrorCode
  readonly detail: string
  readonly retryAfterSeconds?: number
}

const WRONG_VERSION: UpgradeRefusal = {
  status: '426 Upgrade Required',
  code: 'BAD_REQUEST',
  detail: `Sec-WebSocket-Version must be ${WEBSOCKET_VERSION}`,
}
const NO_PROTOCOL: UpgradeRefusal = {
  status: '400 Bad Request',
  code: 'BAD_REQUEST',
  detail: `Sec-WebSocket-Protocol must offer ${Object.values(SUBPROTOCOLS).join(' or ')}`,
}
const NO_ROOM: UpgradeRefusal = {
  status: '503 Service Unavailable',
  code: 'OVERLOADED',
  detail: 'This node has no room: come later',
}
const TOO_MANY: UpgradeRefusal = {
  status: '429 Too Many Requests',
  code: 'RATE_LIMITED',
  detail: 'Too many connections of this address',
}

function refuse(response: HttpResponse, { status, code, detail, retryAfterSeconds }: UpgradeRefusal): void {
  response.writeStatus(status).writeHeader('content-type', 'application/problem+json')
  // Tells a client of another version which one it may come back with (RFC 6455, 4.4).
  if (status === WRONG_VERSION.status) response.writeHeader('sec-websocket-version', WEBSOCKET_VERSION)
  if (retryAfterSeconds !== undefined) response.writeHeader('retry-after', String(retryAfterSeconds))
  const body = { type: 'about:blank', title: status.slice(4), status: Number(status.slice(0, 3)), code, detail }
  response.end(JSON.stringify(body), true)
}
