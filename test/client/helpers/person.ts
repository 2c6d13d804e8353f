import type { ExecutionContext } from 'ava'
import { Client, memoryStore, register, verify } from '../../../client/node.ts'
import type { ClientEvents, IncomingMessage, Message, OutgoingMessage, Store } from '../../../client/node.ts'
import type { ClientOptions } from '../../../client/client-options.ts'
import { newPhone } from '../../helpers/http.ts'
import type { TestServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { lasting } from './stores.ts'

/** A registered device. */
export interface Enrolled {
  readonly user: number
  readonly store: Store
}

export interface Person extends Enrolled {
  readonly client: Client
  readonly shown: IncomingMessage[]
  readonly receipts: OutgoingMessage[]
  /** Messages that show something else than before. */
  readonly changed: Message[]
  readonly identities: ClientEvents['identity'][]
  readonly errors: string[]
}

/** Registers a phone number; the store outlives the clients that close it. */
export async function enrol(
  server: TestServer,
  { phone = newPhone(), store = lasting(memoryStore()) }: { phone?: string; store?: Store } = {},
): Promise<Enrolled> {
  await register(server.url, phone)
  const device = { name: 'Test', platform: 'node', store }
  const { user } = await verify(server.url, phone, server.sms.codeFor(phone), device)
  return { user, store }
}

export async function openPerson(
  t: ExecutionContext,
  account: Enrolled,
  options: Partial<ClientOptions> & { url: string },
): Promise<Person> {
  const client = await Client.open({ store: account.store, ...options })
  t.teardown(() => client.close())
  const shown: IncomingMessage[] = []
  const receipts: OutgoingMessage[] = []
  client.on('message', (message) => shown.push(message))
  client.on('receipt', (message) => receipts.push(message))
  const changed: Message[] = []
  const identities: ClientEvents['identity'][] = []
  const errors: string[] = []
  client.on('changed', (message) => changed.push(message))
  client.on('identity', (change) => identities.push(change))
  client.on('error', ({ code }) => errors.push(code))
  return { ...account, client, shown, receipts, changed, identities, errors }
}

export async function newPerson(
  t: ExecutionContext,
  server: TestServer,
  options: Partial<ClientOptions> = {},
): Promise<Person> {
  return openPerson(t, await enrol(server), { url: server.url, ...options })
}

export function online({ client }: Person): Promise<void> {
  return waitUntil('the client is online', () => client.connection.phase === 'online')
}

export function once<Name extends keyof ClientEvents>(
  client: Client,
  name: Name,
  matches: (payload: ClientEvents[Name]) => boolean = () => true,
): Promise<ClientEvents[Name]> {
  return new Promise((resolve) => {
    const off = client.on(name, (payload) => {
      if (!matches(payload)) return
      off()
      resolve(payload)
    })
  })
}

/** What messages show. */
export const texts = (messages: readonly Message[]): string[] =>
  messages.map(({ body }) => (body.type === 'text' ? body.text : body.type))

/** Each reads one message of the other. */
export async function exchange(a: Person, b: Person): Promise<void> {
  const [before, after] = [a.shown.length, b.shown.length]
  a.client.sendText(b.user, 'ping')
  await waitUntil('it is read', () => b.shown.length > after)
  b.client.sendText(a.user, 'pong')
  await waitUntil('the answer is read', () => a.shown.length > before)
}
