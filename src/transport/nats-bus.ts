import type { LRUCache } from 'lru-cache'
import type { Msg, NatsConnection, Subscription } from 'nats'
import { createLru } from '../shared/lru.ts'
import type { Bus, BusHandler, RequestListener } from './bus.ts'
import { NatsLink } from './nats-link.ts'
import type { NatsLinkOptions } from './nats-link.ts'
import { decodeMail } from './node-mail.ts'
import type { MailItem } from './node-mail.ts'
import { NodeMailer } from './node-mailer.ts'
import { PendingRequests } from './pending-requests.ts'
import { parseNodeGone, parseNodeReply, subjects } from './subjects.ts'
import type { RequestName } from './subjects.ts'

export interface NatsBusOptions extends Omit<NatsLinkOptions, 'name'> {
  /** This node's id: no other node has it, nor had it before. */
  readonly node: string
  readonly requestTimeoutMs: number
  /** Subjects whose hearing node is remembered, at most. */
  readonly maxLocations: number
}

export interface BusEvents {
  busConnected(server: string): void
  busLost(reason: string): void
  busFault(error: unknown): void
  busRequest(result: BusRequestResult): void
}

export type BusRequestResult = 'ok' | 'noResponders' | 'timeout' | 'notConnected'

/** Who hears one subject on this node: nearly always one handler, of a mailbox. */
interface Ear {
  handlers: readonly BusHandler[]
  subscription: Subscription | undefined
}

const NO_RESPONDERS = 503

/**
 * The bus of nodes in many processes, over NATS. Whoever subscribes is found by NATS itself, so nobody keeps a
 * directory, and a node that is gone is found no more. A reply names its node; from then on requests for that subject
 * go to that node, together with all else for it in the same tick. All replies come in one inbox.
 */
export class NatsBus implements Bus {
  readonly #options: NatsBusOptions
  readonly #events: BusEvents
  readonly #link: NatsLink
  readonly #ears = new Map<string, Ear>()
  readonly #pending: PendingRequests<Ask>
  readonly #mailer: NodeMailer
  /** Subject → the node that answered last: a hint. */
  readonly #locations: LRUCache<string, string>
  readonly #reconnects: (() => void)[] = []
  /** Subscriptions of subjects that end with `*`, by their number. */
  readonly #wildcards = new Map<number, string>()
  #nextFlush: Promise<void> | undefined
  #mail: Subscription | undefined
  #unanswered: Subscription | undefined

  constructor(options: NatsBusOptions, events: BusEvents) {
    const { node, requestTimeoutMs, maxLocations } = options
    this.#options = options
    this.#events = events
    this.#pending = new PendingRequests(requestTimeoutMs)
    this.#locations = createLru(maxLocations)
    this.#mailer = new NodeMailer(node, (to, mail, items) => {
      if (!this.#publish(subjects.nodeInbox(to), mail, subjects.nodeGone(node, to))) this.#unsent(items)
    })
    this.#link = new NatsLink(
      { ...options, name: node },
      {
        onConnection: () => this.#subscribeAll(),
        onUp: (server) => this.#up(server),
        onDown: (reason) => this.#down(reason),
        onMessage: (message) => this.#onMessage(message),
        onFault: (error) => events.busFault(error),
      },
    )
  }

  /** Begins to connect. Resolves when that is done, or has failed once: it goes on in the background. */
  open(): Promise<void> {
    return this.#link.open()
  }

  get connected(): boolean {
    return this.#link.up
  }

  /** Subjects that are heard, or will be with the next connection. */
  get subscriptions(): number {
    return this.#ears.size
  }

  /** For what speaks NATS beside the bus; undefined before the first connection. */
  get connection(): NatsConnection | undefined {
    return this.#link.connection
  }

  subscribe(subject: string, handler: BusHandler): void {
    const ear = this.#ears.get(subject)
    if (ear !== undefined) ear.handlers = [...ear.handlers, handler]
    else this.#ears.set(subject, { handlers: [handler], subscription: this.#listen(subject) })
  }

  unsubscribe(subject: string, handler: BusHandler): void {
    const ear = this.#ears.get(subject)
    if (ear === undefined) return
    ear.handlers = ear.handlers.filter((one) => one !== handler)
    if (ear.handlers.length > 0) return
    this.#ears.delete(subject)
    this.#end(ear.subscription, handler.onlyHears)
  }

  publish(subject: string, data: Uint8Array): boolean {
    return this.connected && this.#publish(subject, data)
  }

  request(subject: string, data: () => Uint8Array, listener: RequestListener): void {
    this.#ask(subject, data, listener, true)
  }

  requestAll(subject: string, data: () => Uint8Array, listener: RequestListener): void {
    this.#ask(subject, data, listener, false)
  }

  /** Callers of one tick share a round trip. */
  flush(): Promise<void> {
    this.#nextFlush ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#nextFlush = undefined
        this.#mailer.flush()
        resolve(this.#link.flush())
      })
    })
    return this.#nextFlush
  }

  onReconnect(callback: () => void): void {
    this.#reconnects.push(callback)
  }

  /** What is on its way here by then is answered, if only by nobody. */
  async close(): Promise<void> {
    for (const { subscription } of this.#ears.values()) this.#end(subscription)
    this.#ears.clear()
    this.#end(this.#mail)
    // With the first all of it has come, with the second its answers have gone.
    await this.flush()
    await this.flush()
    await this.#link.close()
    this.#pending.close()
  }

  // Connection.

  #subscribeAll(): void {
    const { node } = this.#options
    this.#mail = this.#link.subscribe(subjects.nodeInbox(node))
    this.#unanswered = this.#link.subscribe(subjects.nodeUnanswered(node))
    this.#wildcards.clear()
    for (const [subject, ear] of this.#ears) ear.subscription = this.#listen(subject)
  }

  #up(server: string): void {
    this.#events.busConnected(server)
    for (const callback of this.#reconnects) callback()
  }

  /** What was asked may have been heard or not; nobody waits for the answer. */
  #down(reason: string): void {
    this.#events.busLost(reason)
    for (const number of this.#pending.numbers()) this.#pending.noResponders(number)
  }

  // Asking.

  #ask(subject: string, data: () => Uint8Array, listener: RequestListener, anyone: boolean): void {
    if (!this.connected) {
      this.#events.busRequest('notConnected')
      return queueMicrotask(() => listener.onNoResponders())
    }
    const node = anyone ? this.#locations.get(subject) : undefined
    const ask = new Ask(subject, data(), node, anyone, listener, this)
    const number = this.#pending.add(ask)
    if (node === undefined) this.#askSubject(ask, number)
    else this.#mailer.add(node, { type: 'request', number, subject, data: ask.data })
  }

  #askSubject(ask: Ask, number: number): void {
    const reply = subjects.nodeReply(this.#options.node, number)
    if (!this.#publish(ask.subject, ask.data, reply)) queueMicrotask(() => this.#pending.noResponders(number))
  }

  #unsent(items: readonly MailItem[]): void {
    for (const { type, number } of items) if (type === 'request') this.#pending.noResponders(number)
  }

  /** The node that was thought to hear the subject does not: whoever does, answers. */
  #askAnew(number: number): void {
    const ask = this.#pending.find(number)
    if (ask?.node === undefined) return
    this.#locations.delete(ask.subject)
    ask.node = undefined
    if (this.connected) this.#askSubject(ask, number)
    else this.#pending.noResponders(number)
  }

  /** An ask has its end. */
  ended(ask: Ask, result: BusRequestResult): void {
    this.#events.busRequest(result)
    if (result === 'timeout') this.#locations.delete(ask.subject)
  }

  // What comes in.

  #listen(subject: string): Subscription | undefined {
    const subscription = this.#link.subscribe(subject)
    if (subscription !== undefined && subject.endsWith('*')) this.#wildcards.set(subscription.getID(), subject)
    return subscription
  }

  #onMessage(message: Msg): void {
    const { sid, data, reply } = message
    if (sid === this.#mail?.getID()) return this.#onMail(data)
    if (sid === this.#unanswered?.getID()) return this.#onUnanswered(message)
    const subject = this.#wildcards.get(sid) ?? message.subject
    const asker = reply === undefined ? undefined : parseNodeReply(reply)
    if (asker === undefined) this.#hand(subject, plain(data), undefined)
    else this.#answer(asker, subject, plain(data))
  }

  /**
   * What NATS has sent until it knows of the end still comes: a request is answered by nobody then. That is a round trip,
   * and a write to the socket, for each.
   */
  #end(subscription: Subscription | undefined, onlyHears = false): void {
    if (subscription === undefined) return
    this.#wildcards.delete(subscription.getID())
    if (this.connected && !onlyHears) subscription.drain().catch(() => undefined)
    else subscription.unsubscribe()
  }

  #onMail(data: Uint8Array): void {
    const { node, items } = decodeMail(plain(data))
    for (const item of items) this.#onItem(node, item)
  }

  #onItem(node: string, item: MailItem): void {
    const { number } = item
    if (item.type === 'request') {
      this.#answer({ node, number }, item.subject, item.data)
    } else if (item.type === 'nobody') {
      this.#onNobody(number)
    } else {
      const ask = this.#pending.find(number)
      if (ask === undefined) return
      if (ask.anyone && ask.node !== node) this.#locations.set(ask.subject, node)
      this.#guard(() => this.#pending.reply(number, item.data))
    }
  }

  /** Mail went to a node that does not hear the subject: perhaps another does. Else whoever heard it has just gone. */
  #onNobody(number: number): void {
    if (this.#pending.find(number)?.node === undefined) this.#guard(() => this.#pending.noResponders(number))
    else this.#askAnew(number)
  }

  /** NATS found nobody for a request, or for the mail to a node. */
  #onUnanswered({ subject, headers }: Msg): void {
    if (headers?.code !== NO_RESPONDERS) return
    const request = parseNodeReply(subject)
    if (request !== undefined) return this.#guard(() => this.#pending.noResponders(request.number))
    const gone = parseNodeGone(subject)
    if (gone === undefined) return
    for (const number of this.#pending.numbers()) {
      if (this.#pending.find(number)?.node === gone) this.#askAnew(number)
    }
  }

  #answer({ node, number }: RequestName, subject: string, data: Uint8Array): void {
    const heard = this.#hand(subject, data, (answer) => this.#mailer.add(node, { type: 'reply', number, data: answer }))
    if (!heard) this.#mailer.add(node, { type: 'nobody', number })
  }

  /** False: nobody here hears the subject. */
  #hand(subject: string, data: Uint8Array, reply: ((data: Uint8Array) => void) | undefined): boolean {
    const ear = this.#ears.get(subject)
    if (ear === undefined) return false
    for (const handler of ear.handlers) this.#guard(() => handler.onBusMessage(data, reply))
    return true
  }

  /** False: it cannot be sent. */
  #publish(subject: string, data: Uint8Array, reply?: string): boolean {
    if (!this.connected) return false
    try {
      this.#link.publish(subject, data, reply)
      return true
    } catch (error) {
      this.#events.busFault(error)
      return false
    }
  }

  /** What is wrong with one message must not reach the next. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#events.busFault(error)
    }
  }
}

/** The same bytes without the ways of a Buffer, whose `slice` copies nothing. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length)
}

/** A request that waits for replies. */
class Ask implements RequestListener {
  readonly subject: string
  readonly data: Uint8Array
  /** Asked by mail; undefined: whoever hears the subject was asked. */
  node: string | undefined
  /** One answer is enough, from whomever. */
  readonly anyone: boolean
  readonly #listener: RequestListener
  readonly #bus: NatsBus

  constructor(
    subject: string,
    data: Uint8Array,
    node: string | undefined,
    anyone: boolean,
    listener: RequestListener,
    bus: NatsBus,
  ) {
    this.subject = subject
    this.data = data
    this.node = node
    this.anyone = anyone
    this.#listener = listener
    this.#bus = bus
  }

  onReply(data: Uint8Array): boolean {
    const last = this.#listener.onReply(data)
    if (last) this.#bus.ended(this, 'ok')
    return last
  }

  onNoResponders(): void {
    this.#bus.ended(this, 'noResponders')
    this.#listener.onNoResponders()
  }

  onTimeout(): void {
    this.#bus.ended(this, 'timeout')
    this.#listener.onTimeout()
  }
}
