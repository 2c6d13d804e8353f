import { join } from 'node:path'
import { Client, openFileStore, register, verify } from '../../client/node.ts'
import type { IncomingMessage, OutgoingMessage } from '../../client/node.ts'

export interface PersonEvents {
  shown(message: IncomingMessage): void
  moved(message: OutgoingMessage): void
  /** Its connection has changed. */
  connection(): void
  failed(reason: string): void
}

/** Where the codes of registrations arrive. */
export interface CodeSource {
  codeFor(phone: string): Promise<string>
}

/** How a person leaves: without a network while the app runs on, or with the app shut and started again later. */
export type Absence = 'disconnected' | 'closed'

/** One author of the chat: a registered user with a real client, whose store is on disk so that the app can be shut. */
export class Person {
  readonly user: number
  readonly name: string
  readonly #url: string
  readonly #directory: string
  readonly #events: PersonEvents
  readonly #undecrypted = new Set<string>()
  #client: Client | undefined
  #absence: Absence | undefined

  private constructor(url: string, user: number, name: string, directory: string, events: PersonEvents) {
    this.#url = url
    this.user = user
    this.name = name
    this.#directory = directory
    this.#events = events
  }

  /** Registers the author under a phone number. */
  static async register(
    url: string,
    sms: CodeSource,
    { name, user, directory }: { name: string; user: number; directory: string },
    events: PersonEvents,
  ): Promise<Person> {
    const phone = `+${user}`
    const { session } = await register(url, phone)
    const code = await sms.codeFor(phone)
    const folder = join(directory, String(user))
    const store = await openFileStore(folder)
    try {
      const { device } = await verify(url, phone, code, { store, session, name: 'Replay', platform: 'node' })
      if (device !== 1) throw new RangeError(`${phone} was given device ${device}, not the primary one`)
    } finally {
      await store.close()
    }
    return new Person(url, user, name, folder, events)
  }

  get isOnline(): boolean {
    return this.#client?.connection.phase === 'online'
  }

  get isAway(): boolean {
    return this.#absence !== undefined
  }

  get isClosed(): boolean {
    return this.#client === undefined
  }

  /** The app runs; it may still be offline. */
  get client(): Client {
    if (this.#client === undefined) throw new RangeError(`${this.name}'s app is closed`)
    return this.#client
  }

  /** Starts the app, or comes back from an absence. */
  async arrive(): Promise<void> {
    const absence = this.#absence
    this.#absence = undefined
    if (this.#client !== undefined) {
      if (absence === 'disconnected') this.#client.connect()
      return
    }
    const store = await openFileStore(this.#directory)
    const client = await Client.open({ url: this.#url, store })
    this.#client = client
    client.on('message', (message) => {
      if (message.body.type === 'undecrypted') this.#undecrypted.add(message.id)
      else this.#events.shown(message)
      // When the app is being shut, the message is read at the next start.
      client.markRead([message]).catch(() => {})
    })
    // What had to be sent again counts when its text is there.
    client.on('changed', (message) => {
      if (message.direction === 'in' && this.#undecrypted.delete(message.id)) this.#events.shown(message)
    })
    client.on('receipt', (message) => this.#events.moved(message))
    client.on('error', ({ message, cause }) => this.#events.failed(`${message}: ${String(cause)}`))
    client.on('connection', (state) => {
      this.#events.connection()
      if (state.phase === 'stopped' && state.cause !== 'disconnected')
        this.#events.failed(`Stopped: ${state.code} ${state.reason}`)
    })
    for (const { user, unread } of await client.chats()) if (unread > 0) await client.markChatRead(user)
  }

  async leave(absence: Absence): Promise<void> {
    this.#absence = absence
    if (absence === 'disconnected') this.#client?.disconnect()
    else await this.close()
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.close()
  }
}
