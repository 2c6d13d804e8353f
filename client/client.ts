import { CloseCode } from '../proto/close-codes.ts'
import type { ConnectedFrame, ConnectFrame, ErrorFrame, ServerFrame, WireAddress } from '../proto/frames.ts'
import { Backoff } from './backoff.ts'
import { newClientId } from './client-id.ts'
import { systemClock } from './clock.ts'
import type { ClientOptions } from './client-options.ts'
import type { Clock } from './clock.ts'
import { Connection } from './connection.ts'
import type { ConnectionState, Session } from './connection.ts'
import { writeText } from './contents.ts'
import { DeviceState } from './device-state.ts'
import { Emitter } from './emitter.ts'
import { binaryEncoding } from './encoding.ts'
import { ParleyError } from './errors.ts'
import type { ClientEvents } from './events.ts'
import { findOutgoing, readChats, readHistory, readUnread } from './history.ts'
import { Ledger } from './ledger.ts'
import { forgetOldMarks } from './marks.ts'
import type { Chat, IncomingMessage, Message, OutgoingMessage } from './message.ts'
import { defaultOutbox, Outbox } from './outbox.ts'
import { Peers } from './peers.ts'
import { Receiver } from './receiver.ts'
import type { Arrival } from './receiver.ts'
import { Sender } from './sender.ts'
import { webSocketTransport } from './transport.ts'
import { decodeTyping, encodeTyping, Typing } from './typing.ts'
import { Waiters } from './waiters.ts'
import { Watches } from './watches.ts'

const VERSION = 'parley-client/0.1.0'
const TIDY_EVERY_MS = 7 * 24 * 3600 * 1000
const MAX_USER = 999_999_999_999_999

/**
 * One device of a user: connects and stays connected, sends until accepted, stores before it acknowledges, shows
 * everything once. Events: see {@link ClientEvents}.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #options: ClientOptions
  readonly #clock: Clock
  readonly #device: DeviceState
  readonly #ledger: Ledger
  readonly #connection: Connection
  readonly #sender: Sender
  readonly #receiver: Receiver
  readonly #typing: Typing
  readonly #accepted = new Waiters<OutgoingMessage>()
  readonly #watches: Watches
  /** The server's count of connections, if this store is behind it. */
  #refusedNumber = 0

  private constructor(options: ClientOptions, device: DeviceState) {
    super()
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#device = device
    this.#ledger = new Ledger(options.store)
    const random = options.random ?? Math.random
    const isOnline = (): boolean => this.#connection.state.phase === 'online'
    const base = {
      ledger: this.#ledger,
      device,
      clock: this.#clock,
      broken: (error: unknown) =>
        this.emit('error', new ParleyError('STORE_FAILED', 'The store failed', { cause: error })),
    }
    this.#sender = new Sender(
      {
        ...base,
        isOnline,
        send: (frame) => this.#connection.send(frame),
        changed: (message, answered) => this.#changed(message, answered),
      },
      new Outbox(random, { ...defaultOutbox, ...options.outbox }),
      new Peers(),
    )
    this.#receiver = new Receiver({
      ...base,
      isCurrent: (session) => this.#connection.isCurrent(session),
      send: (frame) => this.#connection.send(frame),
      arrived: (arrival) => this.#arrived(arrival),
      drop: (reason) => this.#connection.drop(reason),
    })
    this.#watches = new Watches((frame) => this.#connection.send(frame))
    this.#typing = new Typing(this.#clock, (user, typing) => this.emit('typing', { user, typing }))
    this.#connection = new Connection(
      {
        prepare: () => this.#countConnection(),
        connected: (frame) => this.#connected(frame),
        received: (frames, session) => this.#received(frames, session),
        refused: (error) => this.#refused(error),
        changed: (state) => this.emit('connection', state),
        isStuck: (now) => this.#sender.isStuck(now),
      },
      {
        url: socketUrl(options.url),
        transport: options.transport ?? webSocketTransport,
        encoding: options.encoding ?? binaryEncoding,
        clock: this.#clock,
        backoff: new Backoff(random),
      },
    )
  }

  /**
   * Takes up the state in the store and connects in the background.
   *
   * @throws {ParleyError} NO_TOKEN when neither the options nor the store have one, NEWER_STORE
   */
  static async open(options: ClientOptions): Promise<Client> {
    const now = (options.clock ?? systemClock).now()
    return options.store.transaction(async (transaction) => {
      const device = await DeviceState.read(transaction)
      const token = options.token ?? device.record.token
      if (token === '') throw new ParleyError('NO_TOKEN', 'This device is not registered')
      if (token !== device.record.token) device.write(transaction, { token })
      if (now - device.record.tidiedAt > TIDY_EVERY_MS) {
        await forgetOldMarks(transaction, now)
        device.write(transaction, { tidiedAt: now })
      }
      const client = new Client(options, device)
      await client.#sender.load(transaction)
      if (options.autoConnect !== false) queueMicrotask(() => client.#connection.open())
      return client
    })
  }

  /** Who this device is; undefined before it was connected for the first time. */
  get address(): WireAddress | undefined {
    const { user, device } = this.#device.record
    return user === 0 ? undefined : { user, device }
  }

  get connection(): ConnectionState {
    return this.#connection.state
  }

  /**
   * Connects now instead of after the back-off, or again after a stop; nothing while connected. After
   * {@link CloseCode.REPLACED} this closes the newer session, so a person should have asked for it.
   */
  connect(): void {
    this.#connection.open()
  }

  /**
   * Sends a text. It is on its way, over reconnects and restarts, as soon as it is stored; the event `receipt` follows it.
   *
   * @param user - the recipient's phone number as a number
   * @throws {ParleyError} INVALID_USER, EMPTY, TOO_LARGE, or OUTBOX_FULL while too much waits to be accepted
   */
  sendText(user: number, text: string): OutgoingMessage {
    requireUser(user)
    if (text === '') throw new ParleyError('EMPTY', 'There is nothing to send')
    const id = newClientId()
    const sentAt = this.#clock.now()
    const wellFormed = text.toWellFormed()
    const message: OutgoingMessage = {
      direction: 'out',
      id,
      chat: user,
      body: { type: 'text', text: wellFormed },
      order: this.#device.takeOrder(),
      sentAt,
      status: 'waiting',
      deliveredTo: [],
    }
    this.#sender.sendMessage(message, writeText({ id, chat: user, sentAtMs: sentAt, text: wellFormed }))
    this.#typing.sent(user)
    return message
  }

  /**
   * Resolves when a message is accepted (✓), or at once when it is already.
   *
   * @throws {ParleyError} with the code of the refusal, or CLOSED when the client is closed before
   */
  whenAccepted({ id, chat }: OutgoingMessage): Promise<OutgoingMessage> {
    const answer = this.#accepted.wait(id)
    this.#ledger.record({
      apply: (transaction) => findOutgoing(transaction, chat, id),
      done: (message) => {
        if (message === undefined)
          this.#accepted.fail(id, new ParleyError('UNKNOWN_MESSAGE', 'There is no such message'))
        else if (!this.#sender.isUnanswered(id)) this.#answered(message)
      },
      failed: (error) => this.#accepted.fail(id, new ParleyError('STORE_FAILED', 'The store failed', { cause: error })),
    })
    return answer
  }

  /** Notes that messages were seen, and tells their authors. */
  markRead(messages: readonly IncomingMessage[]): Promise<void> {
    return this.#sender.markRead(messages, this.#options.readReceipts !== false)
  }

  /** Notes that all messages of a chat were seen, the newest 10,000 at most, and tells the author. */
  async markChatRead(user: number): Promise<void> {
    await this.markRead(await this.#options.store.transaction((transaction) => readUnread(transaction, user, 10_000)))
  }

  /** All chats, the newest first. */
  chats(): Promise<readonly Chat[]> {
    return this.#options.store.transaction((transaction) => readChats(transaction))
  }

  /** The last messages of a chat, oldest first; `before`: those before the one with this `order`. */
  history(user: number, { limit = 50, before }: { limit?: number; before?: number } = {}): Promise<readonly Message[]> {
    return this.#options.store.transaction((transaction) => readHistory(transaction, user, limit, before))
  }

  /** Tells a user that this one is writing, or has stopped. May be called at every key. */
  typing(user: number, typing = true): void {
    requireUser(user)
    if (this.connection.phase !== 'online' || !this.#typing.shouldTell(user, typing)) return
    this.signal({ user, device: 0 }, encodeTyping(typing))
  }

  /** Carried at once, or dropped: to one device, or with device 0 to all of a user's. */
  signal(to: WireAddress, payload: Uint8Array): void {
    this.#connection.send({ type: 'signal', to, payload })
  }

  /** Wants to know when these users come and go: the event `presence`. Holds over reconnects. */
  watch(users: readonly number[]): void {
    for (const user of users) requireUser(user)
    this.#watches.add(users)
  }

  unwatch(users: readonly number[]): void {
    this.#watches.remove(users)
  }

  /** Goes offline until {@link Client.connect} is called. What is sent meanwhile waits. */
  disconnect(): void {
    this.#connection.stop(1000, 'Disconnected by the user')
  }

  /** Ends the connection, finishes what is being stored and closes the store. What is unaccepted goes on at the next start. */
  async close(): Promise<void> {
    this.#connection.close()
    this.#sender.close()
    this.#typing.close()
    this.#accepted.end(new ParleyError('CLOSED', 'The client was closed'))
    await this.#ledger.settled()
    await this.#options.store.close()
  }

  async #countConnection(): Promise<Omit<ConnectFrame, 'type'>> {
    const number = Math.max(this.#device.record.connection, this.#refusedNumber) + 1
    await this.#options.store.transaction(async (transaction) => {
      this.#device.write(transaction, { connection: number })
    })
    const { token, lastMessageId } = this.#device.record
    return { token, client: VERSION, number, lastMessageId: BigInt(lastMessageId) }
  }

  #connected({ user, device }: ConnectedFrame): void {
    const known = this.#device.record
    if (known.user !== 0 && known.user !== user) {
      this.#connection.stop(CloseCode.UNAUTHENTICATED, 'The store belongs to another user')
      return
    }
    if (known.user !== user || known.device !== device) {
      this.#ledger.record({
        apply: async (transaction) => this.#device.write(transaction, { user, device }),
        done: () => {},
        failed: () => {},
      })
    }
    this.#receiver.connected()
    this.#watches.connected()
    this.#sender.connected()
  }

  #received(frames: readonly ServerFrame[], session: Session): void {
    for (const frame of frames) {
      // One of the frames before may have ended the connection.
      if (!this.#connection.isCurrent(session)) return
      this.#handle(frame, session)
    }
  }

  #handle(frame: ServerFrame, session: Session): void {
    switch (frame.type) {
      case 'accepted':
        return this.#sender.accepted(frame)
      case 'error':
        return this.#sender.refused(frame)
      case 'deliver':
        return this.#receiver.deliver(frame, session)
      case 'caughtUp':
        return this.#caughtUp()
      case 'presence':
        if (!this.#watches.has(frame.user)) return undefined
        return this.emit('presence', { user: frame.user, online: frame.online, lastSeen: frame.lastSeen })
      case 'signal':
        return this.#signalled(frame.from, frame.payload)
      case 'connected':
      case 'pong':
      case 'goaway':
      case 'unknown':
        return undefined
      default:
        return frame satisfies never
    }
  }

  /** Told only when all that was delivered before it is stored. */
  #caughtUp(): void {
    this.#ledger.record({
      apply: () => Promise.resolve(),
      done: () => this.emit('caughtUp', undefined),
      failed: () => {},
    })
  }

  #signalled(from: WireAddress, payload: Uint8Array): void {
    const typing = decodeTyping(payload)
    if (typing === undefined) this.emit('signal', { from, payload })
    else this.#typing.heard(from.user, typing)
  }

  #refused(error: ErrorFrame): void {
    if (error.code === 'REPLACED' && error.details?.number !== undefined) this.#refusedNumber = error.details.number
  }

  #arrived(arrival: Arrival): void {
    if (arrival.type === 'message') {
      this.#typing.heard(arrival.message.chat, false)
      this.emit('message', arrival.message)
    } else if (arrival.type === 'receipt') {
      for (const message of arrival.messages) this.emit('receipt', message)
    }
  }

  #changed(message: OutgoingMessage, answered: boolean): void {
    if (answered) this.#answered(message)
    this.emit('receipt', message)
  }

  /** The server has accepted the message, or never will. */
  #answered(message: OutgoingMessage): void {
    if (message.status !== 'failed') this.#accepted.resolve(message.id, message)
    else this.#accepted.fail(message.id, new ParleyError(message.error ?? 'FAILED', 'The message was refused'))
  }
}

function requireUser(user: number): void {
  if (Number.isInteger(user) && user > 0 && user <= MAX_USER) return
  throw new ParleyError('INVALID_USER', 'A user is a phone number: 7 to 15 digits, without "+"')
}

function socketUrl(url: string): string {
  const socket = new URL('/v1/ws', url)
  socket.protocol = socket.protocol === 'https:' || socket.protocol === 'wss:' ? 'wss:' : 'ws:'
  return socket.href
}
