import { Client, memoryStore, register, verify } from '../../client/node.ts'
import type { IncomingMessage, Message, OutgoingMessage, Store } from '../../client/node.ts'
import type { ClientOptions } from '../../client/client-options.ts'
import { prefixes } from '../../client/records.ts'
import type { Teardown } from './database.ts'
import { newPhone } from './http.ts'
import type { TestServer } from './server.ts'
import { waitUntil } from './wait-until.ts'

export interface AppOptions extends Partial<ClientOptions> {
  readonly phone?: string
}

/** A person with the SDK's client, which keeps all it hears. */
export class App {
  readonly user: number
  readonly client: Client
  readonly store: Store
  readonly shown: IncomingMessage[] = []
  readonly changed: Message[] = []
  readonly receipts: OutgoingMessage[] = []
  readonly identities: number[] = []
  readonly errors: Error[] = []

  private constructor(user: number, client: Client, store: Store) {
    this.user = user
    this.client = client
    this.store = store
    client.on('message', (message) => void this.shown.push(message))
    client.on('changed', (message) => void this.changed.push(message))
    client.on('receipt', (message) => void this.receipts.push(message))
    client.on('identity', ({ user: changed }) => void this.identities.push(changed))
    client.on('error', (error) => void this.errors.push(error))
  }

  /** Registers a phone number and connects. */
  static register(t: Teardown, server: TestServer, options: AppOptions = {}): Promise<App> {
    return App.join(t, server, (phone) => server.sms.codeFor(phone), options)
  }

  /** The same, where codes come otherwise. */
  static async join(
    t: Teardown,
    { url }: Pick<TestServer, 'url'>,
    codeFor: (phone: string) => string | Promise<string>,
    options: AppOptions = {},
  ): Promise<App> {
    const { phone = newPhone(), store = memoryStore() } = options
    await register(url, phone)
    await verify(url, phone, await codeFor(phone), { name: 'Test', platform: 'node', store })
    return App.open(t, { url }, { ...options, phone, store })
  }

  /** A device that was registered before. */
  static async open(
    t: Teardown,
    { url }: Pick<TestServer, 'url'>,
    { phone, store, ...options }: AppOptions & { readonly phone: string; readonly store: Store },
  ): Promise<App> {
    const client = await Client.open({ url, store, random: () => Math.random() / 10, ...options })
    t.teardown(() => client.close())
    const app = new App(Number(phone.replace('+', '')), client, store)
    await waitUntil('the app is online', () => client.connection.phase === 'online')
    return app
  }

  /** Writes, and waits for ✓. */
  async say(to: { readonly user: number }, text: string): Promise<OutgoingMessage> {
    return this.client.whenAccepted(this.client.sendText(to.user, text))
  }

  /** As if the device had lost what it shares with others. */
  async forgetSessions(): Promise<void> {
    const count = await this.store.transaction(async (transaction) => {
      const sessions = await transaction.scan({ prefix: prefixes.session, limit: 1_000 })
      for (const { key } of sessions) transaction.delete(key)
      return sessions.length
    })
    if (count === 0) throw new Error('There was no session')
  }

  /** What it has shown: texts, or what stands in the place of one. */
  get texts(): string[] {
    return this.shown.map(({ body }) => (body.type === 'text' ? body.text : `[${body.type}]`))
  }

  /** How far a message has come, as far as it was told. */
  statusOf({ id }: OutgoingMessage): string | undefined {
    return this.receipts.findLast((receipt) => receipt.id === id)?.status
  }
}
