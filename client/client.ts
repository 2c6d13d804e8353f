import type { ConnectedFrame, ConnectFrame, ErrorFrame, ServerFrame, WireAddress } from '../proto/frames.ts'
import { requireUser, socketUrl } from './addresses.ts'
import type { Backups } from './backups.ts'
import { Backoff } from './backoff.ts'
import { orderOfWaiting } from './chat-order.ts'
import { newClientId } from './client-id.ts'
import { systemClock } from './clock.ts'
import type { ClientOptions } from './client-options.ts'
import { Connection } from './connection.ts'
import type { ConnectionState, Session } from './connection.ts'
import { textContent } from './contents.ts'
import { choosePrimitives } from './crypto/primitives/platform.ts'
import type { Primitives } from './crypto/primitives/primitives.ts'
import { Core } from './core.ts'
import { DeviceState } from './device-state.ts'
import { Emitter } from './emitter.ts'
import { binaryEncoding } from './encoding.ts'
import { ParleyError } from './errors.ts'
import type { ClientEvents } from './events.ts'
import { findOutgoing, readChats, readHistory, readUnread } from './history.ts'
import { inLedger } from './ledger.ts'
import type { Chat, IncomingMessage, Message, OutgoingMessage } from './message.ts'
import { makeKeysFor } from './secrecy/own-keys.ts'
import type { OwnDevices } from './secrecy/own-devices.ts'
import type { Trust } from './secrecy/trust.ts'
import { readSelf } from './secrecy/self.ts'
import type { Self } from './secrecy/self.ts'
import { ServerClock } from './server-clock.ts'
import { stopFor } from './stop.ts'
import { webSocketTransport } from './transport.ts'
import { Waiters } from './waiters.ts'
import { Watches } from './watches.ts'

const VERSION = 'parley-client/0.1.0'

/**
 * One device of a user: connects and stays connected, sends until accepted, stores before it acknowledges, shows
 * everything once. Events: see {@link ClientEvents}.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #options: ClientOptions
  readonly #clock: ServerClock
  readonly #device: DeviceState
  readonly #connection: Connection
  readonly #core: Core
  readonly #accepted = new Waiters<OutgoingMessage>()
  readonly #watches: Watches
  /** The server's count of connections, which the next one goes on from: this store's own is no good. */
  #countThere: number | undefined

  private constructor(options: ClientOptions, device: DeviceState, self: Self, primitives: Primitives) {
    super()
    this.#options = options
    const deviceClock = options.clock ?? systemClock
    this.#clock = new ServerClock(deviceClock)
    this.#device = device
    const random = options.random ?? Math.random
    const clock = this.#clock
    this.#core = new Core(
      { options, clock, random, device, self, primitives },
      {
        isOnline: () => this.#connection.state.phase === 'online',
        isCurrent: (session) => this.#connection.isCurrent(session),
        send: (frame) => this.#connection.send(frame),
        drop: (reason) => this.#connection.drop(reason),
      },
      (name, payload) => this.emit(name, payload),
      (message) => this.#answered(message),
    )
    this.#watches = new Watches((frame) => this.#connection.send(frame))
    this.#connection = new Connection(
      {
        prepare: () => this.#countConnection(),
        connected: (frame) => this.#connected(frame),
        received: (frames, session) => this.#received(frames, session),
        refused: (error) => this.#refused(error),
        changed: (state) => this.emit('connection', state),
        oldestUnansweredAt: () => this.#core.sender.oldestUnansweredAt(),
        unansweredBytes: () => this.#core.sender.unansweredBytes(),
      },
      {
        url: socketUrl(options.url),
        transport: options.transport ?? webSocketTransport,
        encoding: options.encoding ?? binaryEncoding,
        clock: deviceClock,
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
    const clock = options.clock ?? systemClock
    const primitives = await choosePrimitives(options.provider)
    return options.store.transaction(async (transaction) => {
      const device = await DeviceState.read(transaction)
      const token = options.token ?? device.record.token
      if (token === '') throw new ParleyError('NO_TOKEN', 'This device is not registered')
      if (token !== device.record.token) device.write(transaction, { token })
      const self = (await readSelf(transaction)) ?? (await makeKeysFor(token, { primitives, clock }, transaction))
      const client = new Client(options, device, self, primitives)
      await client.#core.sender.load(transaction)
      await client.#core.secrecy.load(transaction)
      await client.#core.shelf.load(transaction)
      if (primitives.fault !== undefined) {
        queueMicrotask(() => client.emit('error', new ParleyError('PROVIDER_REPLACED', primitives.fault ?? '')))
      }
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
   * the stop `replaced` this closes the newer session, so a person should have asked for it.
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
    const order = this.#device.takeOrder()
    const message: OutgoingMessage = {
      direction: 'out',
      id,
      chat: user,
      device: this.#core.secrecy.ownKeys.current.address.device,
      body: { type: 'text', text: wellFormed },
      order: orderOfWaiting(order),
      sentAt,
      status: 'waiting',
      deliveredTo: [],
    }
    this.#core.sender.sendMessage(message, textContent({ id, chat: user, sentAtMs: sentAt, text: wellFormed }), order)
    this.#core.signals.sentTo(user)
    return message
  }

  /**
   * Sends a message again that has failed, or that has expired before its recipient fetched it. It keeps its id, so that
   * whoever has it already does not see it twice.
   *
   * @throws {ParleyError} UNKNOWN_MESSAGE, NOT_FAILED, or OUTBOX_FULL while too much waits to be accepted
   */
  sendAgain(message: Pick<OutgoingMessage, 'chat' | 'id'>): Promise<OutgoingMessage> {
    return this.#core.sender.sendAgain(message)
  }

  /**
   * Resolves when a message is accepted (✓), or at once when it is already.
   *
   * @throws {ParleyError} with the code of the refusal, or CLOSED when the client is closed before
   */
  whenAccepted({ id, chat }: OutgoingMessage): Promise<OutgoingMessage> {
    const answer = this.#accepted.wait(id)
    this.#core.ledger.record({
      apply: (transaction) => findOutgoing(transaction, chat, id),
      done: (message) => {
        if (message === undefined)
          this.#accepted.fail(id, new ParleyError('UNKNOWN_MESSAGE', 'There is no such message'))
        // What is neither unanswered nor moved yet moves with a change that is being stored.
        else if (message.status !== 'waiting' && !this.#core.sender.isUnanswered(id)) this.#answered(message)
      },
      failed: (error) => this.#accepted.fail(id, new ParleyError('STORE_FAILED', 'The store failed', { cause: error })),
    })
    return answer
  }

  /** Notes that messages were seen, and tells their authors. */
  markRead(messages: readonly IncomingMessage[]): Promise<void> {
    return this.#core.sender.markRead(messages, this.#options.readReceipts !== false)
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
    this.#core.signals.tellTyping(user, typing)
  }

  /** Carried at once, encrypted, or dropped: to one device, or with device 0 to all of a user's. */
  signal(to: WireAddress, payload: Uint8Array): void {
    this.#core.signals.send(to, payload)
  }

  /** Whether what is for this user waits because their mailbox is full. */
  isMailboxFull(user: number): boolean {
    return this.#core.sender.isMailboxFull(user)
  }

  /** What is known of the keys of others, and what the user decides about them. */
  get trust(): Trust {
    return this.#core.secrecy.trust
  }

  /** The devices of the user. */
  get devices(): OwnDevices {
    return this.#core.account.devices
  }

  /** Encrypted backups of the account. */
  get backups(): Backups {
    return this.#core.account.backups
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
    this.#connection.stop(stopFor('disconnected', 'Disconnected by the user'))
  }

  /** Ends the connection, finishes what is being stored and closes the store. What is unaccepted goes on at the next start. */
  async close(): Promise<void> {
    this.#connection.close()
    this.#core.close()
    this.#accepted.end(new ParleyError('CLOSED', 'The client was closed'))
    await this.#core.ledger.close()
    await this.#options.store.close()
  }

  async #countConnection(): Promise<Omit<ConnectFrame, 'type'>> {
    await this.#core.secrecy.publish()
    const number = (this.#countThere ?? this.#device.record.connection) + 1
    await inLedger(this.#core.ledger, async (transaction) => {
      this.#device.write(transaction, { connection: number })
    })
    this.#countThere = undefined
    const { token, lastMessageId } = this.#device.record
    return { token, client: VERSION, number, lastMessageId: BigInt(lastMessageId) }
  }

  #connected(frame: ConnectedFrame): void {
    const { user, device } = frame
    const known = this.#device.record
    if (known.user !== 0 && known.user !== user) {
      this.#connection.stop(stopFor('otherUser', 'The store belongs to another user'))
      return
    }
    if (known.user !== user || known.device !== device) {
      this.#core.ledger.record({
        apply: async (transaction) => this.#device.write(transaction, { user, device }),
        done: () => {},
        failed: () => {},
      })
    }
    this.#watches.connected()
    this.#core.connected(frame)
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
        return this.#core.sender.accepted(frame)
      case 'error':
        return this.#core.sender.refused(frame)
      case 'deliver':
        return this.#core.receiver.deliver(frame, session)
      case 'caughtUp':
        return this.#core.caughtUp(() => {
          if (this.#connection.isCurrent(session)) this.emit('caughtUp', undefined)
        })
      case 'presence':
        if (!this.#watches.has(frame.user)) return undefined
        return this.emit('presence', { user: frame.user, online: frame.online, lastSeen: frame.lastSeen })
      case 'signal':
        return this.#core.signals.received(frame.from, frame.payload)
      case 'connected':
      case 'pong':
      case 'goaway':
      case 'unknown':
        return undefined
      default:
        return frame satisfies never
    }
  }

  #refused(error: ErrorFrame): void {
    if (error.code === 'REPLACED') this.#countThere = error.details?.number
  }

  /** The server has accepted the message, or never will. */
  #answered(message: OutgoingMessage): void {
    if (message.status !== 'failed') this.#accepted.resolve(message.id, message)
    else this.#accepted.fail(message.id, new ParleyError(message.error ?? 'FAILED', 'The message was refused'))
  }
}
