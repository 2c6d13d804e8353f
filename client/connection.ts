import { CloseCode } from '../proto/close-codes.ts'
import type { ClientFrame, ConnectedFrame, ConnectFrame, ErrorFrame, ServerFrame } from '../proto/frames.ts'
import type { Backoff } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { Encoding } from './encoding.ts'
import { fateOf } from './fate.ts'
import type { Progress } from './fate.ts'
import { stopBy } from './stop.ts'
import type { Stop } from './stop.ts'
import type { Link, Transport } from './transport.ts'

/** How the client is connected. */
export type ConnectionState =
  | { readonly phase: 'connecting' }
  /** `pending`: envelopes that waited, counted up to 1,000. */
  | { readonly phase: 'online'; readonly pending: number }
  /** It connects again by itself at `retryAt` (ms since 1970). */
  | { readonly phase: 'offline'; readonly retryAt: number; readonly code: number; readonly reason: string }
  /** It does not connect again by itself: `cause` says why, `remedy` what helps. */
  | ({ readonly phase: 'stopped' } & Stop)
  /** `close()` was called. */
  | { readonly phase: 'closed' }

/** Names one connection: what came by another one than the present is never processed. */
export interface Session {
  readonly number: number
}

export interface ConnectionOwner {
  /** Counts the connection in the store, before it is made. */
  prepare(): Promise<Omit<ConnectFrame, 'type'>>
  connected(frame: ConnectedFrame, session: Session): void
  /** The frames of one WebSocket message. */
  received(frames: readonly ServerFrame[], session: Session): void
  /** Errors that are about no send. */
  refused(error: ErrorFrame): void
  changed(state: ConnectionState): void
  /** Asked every few seconds while online: whether an answer is so late that a new connection is better. */
  isStuck(now: number): boolean
}

export interface ConnectionOptions {
  readonly url: string
  readonly transport: Transport
  readonly encoding: Encoding
  readonly clock: Clock
  readonly backoff: Backoff
}

/** No session by then: the attempt has failed. */
const OPEN_TIMEOUT_MS = 15_000
const CHECK_MS = 5_000
/** Nothing heard for this long: the client asks. */
const PING_AFTER_MS = 30_000
/** Nothing heard for this long: the connection is lost. */
const LOST_AFTER_MS = 40_000

interface Attempt extends Session {
  number: number
  link: Link | undefined
  progress: Progress
  heardAt: number
  asked: boolean
  toldMs: number | undefined
  /** The last error that was about no send: it explains the close that follows. */
  error: ErrorFrame | undefined
}

/** Keeps one session open: connects, watches over it, connects again after the back-off, stops where coming back would not help: see {@link fateOf}. */
export class Connection {
  readonly #owner: ConnectionOwner
  readonly #options: ConnectionOptions
  #state: ConnectionState = { phase: 'closed' }
  #attempt: Attempt | undefined
  #cancelTimer: () => void = () => {}
  #queue: ClientFrame[] = []

  constructor(owner: ConnectionOwner, options: ConnectionOptions) {
    this.#owner = owner
    this.#options = options
  }

  get state(): ConnectionState {
    return this.#state
  }

  isCurrent(session: Session): boolean {
    return this.#attempt === session
  }

  /** Connects now, also after a stop; nothing when it is connected or connecting already. */
  open(): void {
    if (this.#attempt !== undefined) return
    this.#options.backoff.reset()
    this.#connect()
  }

  /** Ends the connection for good. */
  close(): void {
    this.#abandon()
    this.#change({ phase: 'closed' })
  }

  /** Ends the connection until {@link open} is called. */
  stop(stop: Stop): void {
    this.#abandon()
    this.#change({ phase: 'stopped', ...stop })
  }

  /** Gives the present connection up, and connects again after the back-off. */
  drop(reason: string): void {
    if (this.#attempt !== undefined) this.#ended(this.#attempt, 1006, reason)
  }

  /** Sends with the other frames of this tick; when not online the frame is dropped. */
  send(frame: ClientFrame): void {
    if (this.#attempt?.progress !== 'online') return
    this.#queue.push(frame)
    if (this.#queue.length === 1) queueMicrotask(() => this.#flush())
  }

  #connect(): void {
    this.#cancelTimer()
    const attempt: Attempt = {
      number: 0,
      link: undefined,
      progress: 'opening',
      heardAt: this.#options.clock.now(),
      asked: false,
      toldMs: undefined,
      error: undefined,
    }
    this.#attempt = attempt
    this.#change({ phase: 'connecting' })
    this.#timer(OPEN_TIMEOUT_MS, () => this.#ended(attempt, 1006, 'No connection in time'))
    void this.#prepare(attempt)
  }

  async #prepare(attempt: Attempt): Promise<void> {
    try {
      const connect = await this.#owner.prepare()
      if (this.#attempt !== attempt) return
      attempt.number = connect.number
      this.#link(attempt, { type: 'connect', ...connect })
    } catch (error) {
      this.#ended(attempt, 1006, `The connection could not be made: ${String(error)}`)
    }
  }

  #link(attempt: Attempt, connect: ConnectFrame): void {
    const { transport, url, encoding } = this.#options
    const current = (): boolean => this.#attempt === attempt
    attempt.link = transport.connect(url, encoding.subprotocol, {
      opened: () => {
        if (!current()) return
        attempt.progress = 'asking'
        for (const message of encoding.encode([connect])) attempt.link?.send(message)
      },
      received: (message) => {
        if (current()) this.#received(attempt, message)
      },
      closed: (code, reason) => this.#ended(attempt, code, reason),
    })
  }

  #received(attempt: Attempt, message: Uint8Array | string): void {
    attempt.heardAt = this.#options.clock.now()
    attempt.asked = false
    let frames: readonly ServerFrame[]
    try {
      frames = this.#options.encoding.decode(message)
    } catch {
      this.#ended(attempt, 1006, 'The server sent what cannot be decoded')
      return
    }
    for (const frame of frames) this.#handleOwn(attempt, frame)
    if (this.#attempt === attempt && attempt.progress === 'online') this.#owner.received(frames, attempt)
  }

  /** The frames that are about the connection itself. */
  #handleOwn(attempt: Attempt, frame: ServerFrame): void {
    if (this.#attempt !== attempt) return
    if (frame.type === 'connected' && attempt.progress === 'asking') {
      attempt.progress = 'online'
      this.#options.backoff.connected(this.#options.clock.now())
      this.#timer(CHECK_MS, () => this.#check(attempt))
      this.#change({ phase: 'online', pending: frame.pending })
      this.#owner.connected(frame, attempt)
    } else if (frame.type === 'error' && frame.id === '') {
      attempt.error = frame
      if (frame.retryAfterMs > 0) attempt.toldMs = frame.retryAfterMs
      this.#owner.refused(frame)
    } else if (frame.type === 'goaway') {
      // What is under way may still be answered until then; the node closes earlier if it must.
      this.#timer(frame.reconnectAfterMs, () => this.#ended(attempt, CloseCode.DRAINING, 'The node shuts down'))
    }
  }

  #check(attempt: Attempt): void {
    const now = this.#options.clock.now()
    const silentMs = now - attempt.heardAt
    if (silentMs >= LOST_AFTER_MS) return this.#ended(attempt, 1006, 'The server fell silent')
    if (this.#owner.isStuck(now)) return this.#ended(attempt, 1006, 'The server does not answer')
    if (silentMs >= PING_AFTER_MS && !attempt.asked) {
      attempt.asked = true
      this.send({ type: 'ping' })
    }
    this.#timer(CHECK_MS, () => this.#check(attempt))
  }

  #flush(): void {
    const link = this.#attempt?.link
    const frames = this.#queue
    this.#queue = []
    if (link === undefined || frames.length === 0) return
    for (const message of this.#options.encoding.encode(frames)) link.send(message)
  }

  #ended(attempt: Attempt, code: number, reason: string): void {
    if (this.#attempt !== attempt) return
    this.#abandon()
    const now = this.#options.clock.now()
    const why = attempt.error === undefined ? reason : attempt.error.message
    const fate = fateOf(code, attempt.progress)
    if (fate === 'stop') return this.#change({ phase: 'stopped', ...stopBy(code, why) })
    const { backoff } = this.#options
    const afterMs = fate === 'fault' ? backoff.faulted(now) : backoff.lost(code, now, attempt.toldMs)
    this.#timer(afterMs, () => this.#connect())
    this.#change({ phase: 'offline', retryAt: now + afterMs, code, reason: why })
  }

  #abandon(): void {
    this.#cancelTimer()
    this.#queue = []
    const link = this.#attempt?.link
    this.#attempt = undefined
    link?.close()
  }

  #timer(afterMs: number, run: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#options.clock.setTimer(run, afterMs)
  }

  #change(state: ConnectionState): void {
    this.#state = state
    this.#owner.changed(state)
  }
}
