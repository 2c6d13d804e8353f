import { stripVTControlCharacters } from 'node:util'
import type { ExecutionContext } from 'ava'
import { Client, linkDevice, memoryStore, register, verify } from '../../../client/index.ts'
import type { ClientOptions, Store } from '../../../client/index.ts'
import { Chat } from '../../../tools/chat/chat.ts'
import { Contacts } from '../../../tools/chat/contacts.ts'
import { renderScreen } from '../../../tools/chat/screen.ts'
import { newPhone } from '../../helpers/http.ts'
import type { TestServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

/** Keys take their time on a busy machine. */
const PATIENCE_MS = 60_000

export interface Sitter {
  readonly user: number
  readonly client: Client
  readonly store: Store
  readonly chat: Chat
  left: boolean
  /** The lines of the screen, without styles. */
  screen(): string
  /** The lines with them. */
  styled(): readonly string[]
}

export interface SitterOptions extends Pick<ClientOptions, 'identityChanges'> {
  readonly phone?: string
}

/** Somebody in front of a screen of 80 columns, on the first device of a new account. */
export async function sitDown(
  t: ExecutionContext,
  server: TestServer,
  { phone = newPhone(), ...options }: SitterOptions = {},
): Promise<Sitter> {
  await register(server.url, phone)
  const store = memoryStore()
  const device = { name: 'Test', platform: 'terminal', store }
  const { user } = await verify(server.url, phone, server.sms.codeFor(phone), device)
  return openChat(t, server, user, store, options)
}

/** The same on a further device, which another one links. */
export async function sitDownLinked(t: ExecutionContext, server: TestServer, primary: Sitter): Promise<Sitter> {
  const store = memoryStore()
  const device = { name: 'Second', platform: 'terminal', store, showDigits: () => {} }
  const showCode = (code: string): void => void primary.chat.entered(`/link ${code}`)
  const linking = linkDevice(server.url, { ...device, showCode })
  await see(primary, /Link Second to your account\?/)
  await primary.chat.entered('y')
  await see(primary, /Linked: Second/)
  const { user } = await linking
  return openChat(t, server, user, store, {})
}

async function openChat(
  t: ExecutionContext,
  server: TestServer,
  self: number,
  store: Store,
  options: Pick<ClientOptions, 'identityChanges'>,
): Promise<Sitter> {
  const client = await Client.open({ url: server.url, store, ...options })
  t.teardown(() => client.close())
  const quit = (): void => {
    sitter.left = true
  }
  const contacts = await Contacts.open(store)
  const chat = new Chat(client, { self, server: 'parley.example', contacts, changed: () => {}, quit })
  const styled = (): readonly string[] =>
    renderScreen(chat.model, { columns: 80, rows: 24 }, Date.now(), performance.now()).lines
  const screen = (): string => styled().map(stripVTControlCharacters).join('\n')
  const sitter: Sitter = { user: self, client, store, chat, left: false, screen, styled }
  await chat.start(undefined)
  return sitter
}

export function see({ screen }: Sitter, what: RegExp): Promise<void> {
  return waitUntil(`the screen shows ${String(what)}`, () => what.test(screen()), PATIENCE_MS).catch((error: Error) => {
    throw new Error(`${error.message}; it shows:\n${screen()}`)
  })
}
