import { binaryEncoding, Client, memoryStore, RefusedError, register, verify } from '../../client/node.ts'
import type { ConnectionState, IncomingMessage, OutgoingMessage, Stop, Store } from '../../client/node.ts'
import type { Encoding } from '../../client/node.ts'
import type { ErrorFrame } from '../../proto/frames.ts'
import type { SmsSink } from '../../tools/replay/sms-sink.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import type { Target } from '../helpers/tcp-proxy.ts'

export interface PersonEvents {
  shown(message: IncomingMessage): void
  moved(message: OutgoingMessage): void
  /** The server refused something with this error. */
  refused(error: ErrorFrame): void
  /** A session began, or ended without being asked to. */
  connection(online: boolean): void
  /** It begins to connect; all that had waited has come. */
  connecting(): void
  caughtUp(): void
  /** Its client will not connect again by itself, and nobody asked for that. */
  stopped(stop: Stop): void
  /** Something that no fault excuses. */
  failed(reason: string): void
}

/** How a person leaves: without a network while the app runs on, or with the app shut and started again later. */
export type Absence = 'disconnected' | 'closed'

export interface PersonOptions {
  readonly user: number
  readonly random: () => number
  /** Of the usual waiting time before the next attempt to connect: a test has less patience than a phone. */
  readonly patience: number
  /** Where its link leads. */
  readonly target: Target
}

const MAX_ATTEMPTS = 10

/** A registered user with the SDK's client, behind a network link of its own. What the device stores outlives its app. */
export class Person {
  readonly user: number
  readonly link: TcpProxy
  /** That began so far. */
  sessions = 0
  readonly #store: Store
  readonly #random: () => number
  readonly #patience: number
  readonly #events: PersonEvents
  #client: Client | undefined
  #absence: Absence | undefined
  #moving = Promise.resolve()

  private constructor({ user, random, patience }: PersonOptions, store: Store, link: TcpProxy, events: PersonEvents) {
    this.user = user
    this.link = link
    this.#store = store
    this.#random = random
    this.#patience = patience
    this.#events = events
  }

  /** Registers a phone number at the node. */
  static async register(url: string, sms: SmsSink, options: PersonOptions, events: PersonEvents): Promise<Person> {
    const store = lastingStore()
    await enrol(url, sms, `+${options.user}`, store)
    const link = await TcpProxy.open(options.target)
    return new Person(options, store, link, events)
  }

  /** Its address, as the checker names it. */
  get device(): string {
    return `${this.user}.1`
  }

  get state(): ConnectionState {
    return this.#client?.connection ?? { phase: 'closed' }
  }

  get isOnline(): boolean {
    return this.state.phase === 'online'
  }

  get isAway(): boolean {
    return this.#absence !== undefined
  }

  /** Its app runs, so it can write. */
  get canWrite(): boolean {
    return this.#client !== undefined
  }

  /** @throws ParleyError when too much waits to be sent */
  write(to: number, text: string): OutgoingMessage {
    return this.#requireClient().sendText(to, text)
  }

  /** Sends something ephemeral to all devices of a user. */
  signal(to: number, payload: Uint8Array): void {
    this.#requireClient().signal({ user: to, device: 0 }, payload)
  }

  /** Starts the app, or comes back from an absence; one that waits to connect again does so now. */
  arrive(): Promise<void> {
    this.#absence = undefined
    return this.#next(async () => {
      if (this.#client === undefined) await this.#open()
      else this.#client.connect()
    })
  }

  leave(absence: Absence): Promise<void> {
    this.#absence = absence
    return this.#next(async () => {
      if (absence === 'disconnected') return this.#client?.disconnect()
      const client = this.#client
      this.#client = undefined
      await client?.close()
    })
  }

  async close(): Promise<void> {
    await this.leave('closed')
    await this.link.close()
  }

  /** One after the other: two clients must never share the store. */
  #next(move: () => Promise<void>): Promise<void> {
    this.#moving = this.#moving.then(move)
    return this.#moving
  }

  async #open(): Promise<void> {
    const client = await Client.open({
      url: `http://127.0.0.1:${this.link.port}`,
      store: this.#store,
      encoding: listeningEncoding((error) => this.#events.refused(error)),
      random: () => this.#random() * this.#patience,
    })
    this.#client = client
    client.on('message', (message) => {
      this.#events.shown(message)
      client.markRead([message]).catch((error: unknown) => {
        // What was shown as the app was shut is marked by whoever opens it again.
        if (this.#client === client) this.#events.failed(String(error))
      })
    })
    client.on('receipt', (message) => this.#events.moved(message))
    client.on('error', ({ message, cause }) => this.#events.failed(`${message}: ${String(cause)}`))
    client.on('connection', (state) => {
      if (state.phase === 'online') {
        this.sessions++
        this.#events.connection(true)
      }
      if (state.phase === 'offline') this.#events.connection(false)
      if (state.phase === 'connecting') this.#events.connecting()
      if (state.phase === 'stopped' && state.cause !== 'disconnected') this.#events.stopped(state)
    })
    client.on('caughtUp', () => this.#events.caughtUp())
  }

  #requireClient(): Client {
    if (this.#client === undefined) throw new Error(`The app of ${this.user} is shut`)
    return this.#client
  }
}

/** Registers, and tries again where a server with much to do puts it off. */
async function enrol(url: string, sms: SmsSink, phone: string, store: Store): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await register(url, phone)
      const code = await sms.codeFor(phone)
      await verify(url, phone, code, { name: 'Faults', platform: 'node', store })
      return
    } catch (error) {
      if (!(error instanceof RefusedError) || !error.temporary || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/** A memory that stays when its client closes it. */
function lastingStore(): Store {
  const store = memoryStore()
  return { transaction: (work) => store.transaction(work), close: () => Promise.resolve() }
}

/** The SDK deals with refusals by itself; this lets a test see them. */
function listeningEncoding(refused: (error: ErrorFrame) => void): Encoding {
  return {
    ...binaryEncoding,
    decode(message) {
      const frames = binaryEncoding.decode(message)
      for (const frame of frames) if (frame.type === 'error') refused(frame)
      return frames
    },
  }
}
