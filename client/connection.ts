import { CloseCode } from '../proto/close-codes.ts'
import type { ClientFrame, ConnectedFrame, ConnectFrame, ErrorFrame, ServerFrame } from '../proto/frames.ts'
import type { Backoff } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { Encoding } from './encoding.ts'
import { fateOf } from './fate.ts'
import type { Progress } from './fate.ts'
import { patienceMs } from './patience.ts'
import { stopBy } from './stop.ts'
import type { Stop } from './stop.ts'
import type { Link, Transport } from './transport.ts'

/** How the client is connected. */
export type ConnectionState =
  | { readonly phase: 'connecting' }
  /** `pending`: envelopes that waited, counted up to 1,000. */
  | { readonly phase: 'online'; readonly pending: number }
  /** It connects again by itself at `retryAt`, in ms of `performance.now()`, which nobody sets. */
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
  /** When the send was made that has waited longest for its answer, by the monotonic clock; undefined: all are answered. */
  oldestUnansweredAt(): number | undefined
  /** What was sent and is not answered: on a slow line it may be under way for long. */
  unansweredBytes(): number
}

export interface ConnectionOptions {
  readonly url: string
  readonly transport: Transport
  readonly encoding: Encoding
  readonly clock: Clock
  readonly backoff: Backoff
}

/** No session by then: the attempt has failed. Below the time in which the server awaits `connect`. */
export const OPEN_TIMEOUT_MS = 15_000
const CHECK_MS = 5_000
/** Nothing heard for this long: the client asks. */
const PING_AFTER_MS = 30_000
/** A send without an answer for this long makes the client ask, too. */
const ANSWER_AFTER_MS = 60_000

interface Attempt extends Session {
  number: number
  link: Link | undefined
  progress: Progress
  /** When its link began to be made. */
  startedAt: number
  /** From then until the session was there: a few round trips. */
  openedInMs: number
  heardAt: number
  /** When the `ping` was sent that has no answer yet. */
  askedAt: number | undefined
  /** When the last answered one was sent: all that was sent before it has reached the server, and so have its answers come. */
  provenAt: number
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
      startedAt: 0,
      openedInMs: 0,
      heardAt: 0,
      askedAt: undefined,
      provenAt: 0,
      toldMs: undefined,
      error: undefined,
    }
    this.#attempt = attempt
    this.#change({ phase: 'connecting' })
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
    const { transport, url, encoding, clock } = this.#options
    attempt.startedAt = clock.monotonic()
    this.#timer(OPEN_TIMEOUT_MS, () => this.#ended(attempt, 1006, 'No connection in time'))
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
    attempt.heardAt = this.#options.clock.monotonic()
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
      attempt.openedInMs = attempt.heardAt - attempt.startedAt
      this.#options.backoff.connected(this.#options.clock.monotonic())
      this.#timer(CHECK_MS, () => this.#check(attempt))
      this.#change({ phase: 'online', pending: frame.pending })
      this.#owner.connected(frame, attempt)
    } else if (frame.type === 'error' && frame.id === '') {
      attempt.error = frame
      if (frame.retryAfterMs > 0) attempt.toldMs = frame.retryAfterMs
      this.#owner.refused(frame)
    } else if (frame.type === 'pong') {
      attempt.provenAt = attempt.askedAt ?? attempt.provenAt
      attempt.askedAt = undefined
    } else if (frame.type === 'goaway') {
      // What is under way may still be answered until then; the node closes earlier if it must.
      this.#timer(frame.reconnectAfterMs, () => this.#ended(attempt, CloseCode.DRAINING, 'The node shuts down'))
    }
  }

  #check(attempt: Attempt): void {
    const now = this.#options.clock.monotonic()
    const silentMs = now - attempt.heardAt
    const patience = patienceMs(attempt.openedInMs, this.#owner.unansweredBytes())
    if (silentMs >= patience) return this.#ended(attempt, 1006, 'The server fell silent')
    const late = (this.#owner.oldestUnansweredAt() ?? now) + ANSWER_AFTER_MS
    if (attempt.provenAt >= late) return this.#ended(attempt, 1006, 'The server does not answer')
    if (attempt.askedAt === undefined && (silentMs >= PING_AFTER_MS || now >= late)) {
      attempt.askedAt = now
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
    const { backoff, clock } = this.#options
    const now = clock.monotonic()
    const why = attempt.error === undefined ? reason : attempt.error.message
    const fate = fateOf(code, attempt.progress)
    if (fate === 'stop') return this.#change({ phase: 'stopped', ...stopBy(code, why) })
    const afterMs = fate === 'fault' ? backoff.faulted(now) : backoff.lost(code, now, attempt.toldMs)
    this.#timer(afterMs, () => this.#connect())
    this.#change({ phase: 'offline', retryAt: clock.monotonic() + afterMs, code, reason: why })
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
