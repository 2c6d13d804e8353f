import { CloseCode } from '../../proto/close-codes.ts'
import type { ErrorCode } from '../../proto/error-codes.ts'
import { errorCodes } from '../../proto/error-codes.ts'
import type {
  ClientFrame,
  ClientSignalFrame,
  ConnectFrame,
  ErrorFrame,
  SendFrame,
  ServerFrame,
  WatchFrame,
} from '../../proto/frames.ts'
import { MAX_PAYLOAD_BYTES } from '../../proto/limits.ts'
import type { Connection, ConnectionHandler } from '../transport/connection.ts'
import { addressKey, parseDeviceId, parseUserId } from '../shared/ids.ts'
import type { DeviceId, MessageId, UserId } from '../shared/ids.ts'
import { correction } from '../shared/phone-number.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Restore } from '../storage/backup/find-restore.ts'
import type { ConnectAnswer } from '../storage/devices.ts'
import { Intake } from './intake.ts'
import type { Haste, IntakeHost } from './intake.ts'
import { MailboxActor } from './mailbox-actor.ts'
import type { ConnectedDevice, DeviceSession, MailboxHost } from './mailbox-actor.ts'
import type { Presence } from './presence.ts'
import { Sender } from './sender.ts'
import type { SenderHost, SenderListener, SendRefusal } from './sender.ts'
import type { Signals } from './signals.ts'
import type { TakeOver } from './take-over.ts'

/** What a session needs of its node. */
export interface SessionHost {
  /** All that are not gone. */
  readonly sessions: Set<Session>
  readonly senders: SenderHost
  readonly mailboxes: MailboxHost
  readonly presence: Presence
  readonly signals: Signals
  readonly takeOver: TakeOver
  readonly intakes: IntakeHost
  readonly events: SessionEvents
  /** Whose token it is, and the number of this connection. */
  authenticate(token: string, number: number): Promise<ConnectAnswer>
  /** When the database of the user was restored from a back-up. */
  restoreOf(user: UserId): Restore
  /** A name that no other session has, on any node. */
  newSessionId(): string
}

export interface SessionEvents {
  connected(user: UserId, session: string, client: string): void
  connectRefused(code: CloseCode): void
  sendRefused(code: ErrorCode): void
  disconnected(user: UserId, session: string): void
  rateLimited(limit: string): void
}

/**
 * One WebSocket connection of a device: it authenticates, starts the mailbox actor, passes acknowledgements to it, and
 * sends for the device by its {@link Sender}.
 */
export class Session implements ConnectionHandler, DeviceSession, SenderListener {
  readonly #connection: Connection
  readonly #host: SessionHost
  #phase: 'new' | 'connecting' | 'open' | 'closed' = 'new'
  #early: ClientFrame[] = []
  readonly #intake: Intake
  #actor: MailboxActor | undefined
  /** Made by the first send: most devices only listen, most of the time. */
  #sender: Sender | undefined
  /** The highest message id that the device has seen accepted. */
  #floor = 0n
  /** How many users it watches: nothing to forget when it is none. */
  #watching = false

  constructor(connection: Connection, host: SessionHost) {
    this.#connection = connection
    this.#host = host
    this.#intake = new Intake(host.intakes, connection.address)
    host.sessions.add(this)
  }

  // What the connection says.

  admits(bytes: number): boolean {
    return this.#endIfOver(this.#intake.admits(bytes))
  }

  onControl(): void {
    this.#endIfOver(this.#intake.admitsControl())
  }

  onFrames(frames: readonly ClientFrame[], bytes: number): void {
    if (this.#phase === 'open') {
      if (this.#endIfOver(this.#intake.admitsFrames(frames))) this.#handle(frames)
      return
    }
    if (this.#phase === 'closed' || frames.length === 0) return
    const [first, ...rest] = frames
    if (this.#phase === 'connecting') return this.#keep(frames, bytes)
    if (first?.type !== 'connect') return this.end(CloseCode.PROTOCOL_ERROR)
    this.#phase = 'connecting'
    this.#keep(rest, bytes)
    void this.#connect(first)
  }

  onClosed(): void {
    this.#host.sessions.delete(this)
    if (this.#phase !== 'closed') this.#leave()
    void this.#actor?.close(CloseCode.SERVER_ERROR)
  }

  // What the mailbox actor says.

  /** The first page of rows is there. */
  opened(pending: number): void {
    const actor = this.#actor
    if (this.#phase !== 'connecting' || actor === undefined) return
    this.#phase = 'open'
    this.#intake.open()
    this.send({
      type: 'connected',
      session: actor.incarnation,
      user: actor.address.user,
      device: actor.address.device,
      serverTime: this.#host.mailboxes.clock.now(),
      pending,
      ...this.#host.restoreOf(actor.address.user),
    })
    // Not in one message with the backlog: over a slow line that takes longer than a client waits for this word.
    this.#connection.flush()
    this.#host.presence.online(actor.address)
    const early = this.#early
    this.#early = []
    if (early.length > 0) this.#handle(early)
  }

  get congested(): boolean {
    return this.#connection.congested
  }

  send(frame: ServerFrame): void {
    this.#connection.send(frame)
  }

  end(code: CloseCode): void {
    if (this.#phase !== 'closed') this.#leave()
    this.#connection.close(code)
    void this.#actor?.close(code)
  }

  /** The mailbox is in another database than at the start of the session, or on its way there. */
  endIfMoved(code: CloseCode): void {
    if (this.#actor?.hasMoved === true) this.end(code)
  }

  /** The node drains: the client is asked to go elsewhere. */
  goAway(reconnectAfterMs: number): void {
    if (this.#phase === 'open') this.send({ type: 'goaway', reconnectAfterMs })
  }

  // What the sender says.

  accepted(id: string, messageId: MessageId, at: number, delivered: readonly DeviceId[]): void {
    this.send({ type: 'accepted', id, messageId, at, delivered })
  }

  refused(id: string, refusal: SendRefusal): void {
    this.#host.events.sendRefused(refusal.code)
    this.#error(refusal.code, refusal.message, { id, ...refusal })
  }

  async #connect(frame: ConnectFrame): Promise<void> {
    let answer: ConnectAnswer
    try {
      answer = await this.#host.authenticate(frame.token, frame.number)
    } catch (error) {
      return this.#refuseConnect(error)
    }
    if (this.#phase !== 'connecting') return
    if (answer.outcome === 'replaced') return this.#replaced(answer.number)
    if (answer.outcome !== 'ok' || answer.hosted) return this.#refuse(CloseCode.UNAUTHENTICATED)
    const { user, device } = answer.address
    const haste = this.#intake.identify(addressKey(user, device))
    if (haste !== undefined) {
      const { limit, retryAfterMs } = haste
      this.#error('RATE_LIMITED', `The limit ${limit} allows this device no session for now`, { retryAfterMs })
      return this.#refuse(CloseCode.OVERLOADED)
    }
    await this.#start(answer, frame)
  }

  async #start(device: ConnectedDevice, { client, lastMessageId }: ConnectFrame): Promise<void> {
    const { address } = device
    const actor = new MailboxActor(device, this.#host.newSessionId(), this, this.#host.mailboxes)
    this.#actor = actor
    this.#floor = lastMessageId
    this.#host.events.connected(address.user, actor.incarnation, client)
    const newest = await this.#host.takeOver.start(actor)
    if (newest !== undefined) this.#replaced(newest)
  }

  #handle(frames: readonly ClientFrame[]): void {
    for (const frame of frames) {
      switch (frame.type) {
        case 'send':
          this.#send(frame)
          break
        case 'ack':
          // Before what comes after it, so that a READ finds the receipt of what was read on its way with it.
          this.#actor?.acknowledge(frame.upTo)
          break
        case 'signal':
          this.#signal(frame)
          break
        case 'watch':
        case 'unwatch':
          this.#watch(frame)
          break
        case 'ping':
          this.send({ type: 'pong' })
          break
        case 'connect':
          return this.end(CloseCode.PROTOCOL_ERROR)
        case 'unknown':
          this.#error('BAD_REQUEST', `This server does not know the frame ${frame.name}`)
          break
        default:
          frame satisfies never
      }
    }
    this.#sender?.launch()
  }

  #send(frame: SendFrame): void {
    const actor = this.#actor
    if (actor === undefined) return
    this.#sender ??= new Sender(actor.address, this.#floor, this.#host.senders, this)
    const haste = this.#intake.refuse(frame)
    if (haste === undefined) return this.#sender.send(frame)
    const message = `More was sent than the limit ${haste.limit} allows`
    this.#sender.refuse(frame, { code: 'RATE_LIMITED', message, retryAfterMs: haste.retryAfterMs })
  }

  #signal(frame: ClientSignalFrame): void {
    const user = parseUserId(frame.to.user)
    const device = frame.to.device === 0 ? undefined : parseDeviceId(frame.to.device)
    if (user === undefined || (frame.to.device !== 0 && device === undefined)) {
      return this.#error('BAD_REQUEST', 'signal.to names no device')
    }
    if (frame.payload.length > MAX_PAYLOAD_BYTES)
      return this.#error('TOO_LARGE', 'The payload of a signal is too large')
    const better = correction(user)
    if (better !== undefined) return this.#error('BAD_REQUEST', `signal.to: this number is written ${better}`)
    const haste = this.#intake.take('signal')
    if (haste !== undefined) return this.#tooMany('signals', haste)
    const actor = this.#actor
    if (actor !== undefined) this.#host.signals.send(actor.address, user, device, frame.payload)
  }

  #watch(frame: WatchFrame): void {
    for (const value of frame.users) {
      const user = parseUserId(value)
      if (user === undefined) return this.#error('BAD_REQUEST', `${frame.type}.users names no user`)
      const haste = this.#intake.take('watch')
      if (haste !== undefined) return this.#tooMany('users watched or no longer watched', haste)
      if (frame.type === 'unwatch') this.#host.presence.unwatch(this, user)
      else if (!this.#watchOne(user)) return
    }
  }

  /** False: refused, and so are all others of the frame. */
  #watchOne(user: UserId): boolean {
    const better = correction(user)
    if (better !== undefined) {
      this.#error('BAD_REQUEST', `watch.users: this number is written ${better}`)
      return true
    }
    const viewer = this.#actor?.address.user
    if (viewer === undefined) return false
    if (user !== viewer && !this.#countLookup(viewer)) return false
    const refusal = this.#host.presence.watch(this, viewer, user)
    if (refusal !== undefined) {
      const retryAfterMs = refusal === 'OVERLOADED' ? this.#host.senders.gate.retryAfterMs() : 0
      this.#error(refusal, 'Too many users are watched', { retryAfterMs })
      return false
    }
    this.#watching = true
    return true
  }

  /** Whether somebody is ever online tells that they are registered. */
  #countLookup(viewer: UserId): boolean {
    const decision = this.#host.senders.lookups.spend(viewer)
    if (decision.ok) return true
    const message = 'More users are looked up than the limit allows (limit lookups)'
    this.#error('RATE_LIMITED', message, { retryAfterMs: decision.retryAfterMs })
    return false
  }

  #keep(frames: readonly ClientFrame[], bytes: number): void {
    if (this.#endIfOver(this.#intake.keeps(frames, bytes))) this.#early.push(...frames)
  }

  /** Returns what it was told. */
  #endIfOver(admitted: boolean): boolean {
    if (!admitted) this.end(CloseCode.OVERLOADED)
    return admitted
  }

  #tooMany(what: string, { retryAfterMs }: Haste): void {
    this.#error('RATE_LIMITED', `More ${what} than the limit allows`, { retryAfterMs })
  }

  #refuseConnect(error: unknown): void {
    const refusal = error instanceof RefusalError ? error : undefined
    this.#error(refusal?.code ?? 'UNAVAILABLE', refusal?.message ?? 'The database is away', {
      retryAfterMs: refusal?.retryAfterMs ?? 1_000,
    })
    this.#refuse(CloseCode.OVERLOADED)
  }

  #replaced(number: number): void {
    this.#error('REPLACED', 'A newer session of this device took over', { details: { number } })
    this.#refuse(CloseCode.REPLACED)
  }

  #refuse(code: CloseCode): void {
    this.#host.events.connectRefused(code)
    this.end(code)
  }

  #error(
    code: ErrorCode,
    message: string,
    more: { id?: string; retryAfterMs?: number; details?: ErrorFrame['details'] } = {},
  ): void {
    this.send({
      type: 'error',
      id: more.id ?? '',
      code,
      message,
      temporary: errorCodes[code].temporary,
      retryAfterMs: more.retryAfterMs ?? 0,
      ...(more.details === undefined ? {} : { details: more.details }),
    })
  }

  #leave(): void {
    const wasOpen = this.#phase === 'open'
    this.#phase = 'closed'
    this.#early = []
    this.#intake.close()
    this.#sender?.close()
    if (this.#watching) this.#host.presence.unwatchAll(this)
    const actor = this.#actor
    if (actor === undefined) return
    if (wasOpen) this.#host.presence.offline(actor.address)
    this.#host.events.disconnected(actor.address.user, actor.incarnation)
  }
}
