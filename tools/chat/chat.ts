import type { Client, IncomingMessage, Message } from '../../client/index.ts'
import { parseCommand, helpLines } from './commands.ts'
import type { Command } from './commands.ts'
import { emptyModel, withMessage } from './model.ts'
import type { ChatLine, Model } from './model.ts'
import { formatPhone } from './phone.ts'
import { bodyText, refusalText } from './words.ts'

const PAGE = 300
const NOTICE_MS = 8_000

/** The conversation between a client and a person: holds what the screen shows, and does what is typed. */
export class Chat {
  readonly #client: Client
  readonly #changed: () => void
  readonly #quit: () => void
  #model: Model
  #noticeTimer: NodeJS.Timeout | undefined
  #oldestLoaded = false

  /** @param changed - the model is another one: paint it */
  constructor(client: Client, self: number, { changed, quit }: { changed(): void; quit(): void }) {
    this.#client = client
    this.#changed = changed
    this.#quit = quit
    this.#model = { ...emptyModel(self), connection: client.connection }
    client.on('connection', (connection) => this.#update({ connection }))
    client.on('message', (message) => this.#arrived(message))
    client.on('receipt', (message) => this.#moved(message))
    client.on('presence', ({ user, online, lastSeen }) => {
      if (user === this.#model.peer) this.#update({ presence: { online, lastSeen } })
    })
    client.on('typing', ({ user, typing }) => {
      if (user === this.#model.peer) this.#update({ peerTypes: typing })
    })
    client.on('error', ({ code, message }) => this.notify(refusalText(code, message)))
  }

  get model(): Model {
    return this.#model
  }

  async start(peer: number | undefined): Promise<void> {
    await this.#loadChats()
    if (peer !== undefined) await this.#open(peer)
  }

  /** What stands in the input line now. */
  typed(input: string, cursor: number): void {
    const isText = input !== '' && !input.startsWith('/')
    if (isText && this.#model.peer !== undefined && input !== this.#model.input) this.#client.typing(this.#model.peer)
    this.#update({ input, cursor })
  }

  /** @param lines - up when positive */
  scroll(lines: number, maxScroll: number): void {
    const scroll = Math.max(0, Math.min(maxScroll, this.#model.scroll + lines))
    this.#update({ scroll })
    if (scroll === maxScroll && lines > 0) void this.#loadOlder()
  }

  async entered(line: string): Promise<void> {
    if (this.#model.page !== undefined) this.#update({ page: undefined })
    this.#update({ notice: '', scroll: 0 })
    await this.#run(parseCommand(line))
  }

  notify(notice: string): void {
    clearTimeout(this.#noticeTimer)
    this.#noticeTimer = setTimeout(() => this.#update({ notice: '' }), NOTICE_MS)
    this.#noticeTimer.unref()
    this.#update({ notice })
  }

  async #run(command: Command): Promise<void> {
    switch (command.type) {
      case 'nothing':
        return
      case 'send':
        return this.#send(command.text)
      case 'open':
        return this.#open(command.user)
      case 'openListed': {
        const listed = this.#model.chats[command.number - 1]
        if (listed === undefined) return this.notify(`There is no chat ${command.number} in the list`)
        return this.#open(listed.user)
      }
      case 'chats':
        return this.#leave()
      case 'help':
        return this.#update({ page: helpLines })
      case 'offline':
        return this.#client.disconnect()
      case 'online':
        return this.#client.connect()
      case 'quit':
        return this.#quit()
      case 'wrong':
        return this.notify(command.why)
      default:
        return command satisfies never
    }
  }

  #send(text: string): void {
    const { peer } = this.#model
    if (peer === undefined) return this.notify('Open a chat first: /to and a phone number')
    try {
      this.#show(this.#client.sendText(peer, text))
      // Somebody who writes wants to be online now.
      if (this.#model.connection.phase === 'offline') this.#client.connect()
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string }
      this.notify(`Not sent: ${refusalText(code, message)}`)
    }
  }

  async #open(peer: number): Promise<void> {
    if (this.#model.peer !== undefined) this.#client.unwatch([this.#model.peer])
    this.#update({ peer, messages: [], presence: undefined, peerTypes: false, scroll: 0 })
    this.#oldestLoaded = false
    const messages = await this.#client.history(peer, { limit: PAGE })
    if (this.#model.peer !== peer) return
    this.#client.watch([peer])
    for (const message of messages) this.#show(message)
    await this.#client.markChatRead(peer)
    await this.#loadChats()
  }

  async #leave(): Promise<void> {
    if (this.#model.peer !== undefined) this.#client.unwatch([this.#model.peer])
    this.#update({ peer: undefined, messages: [], presence: undefined, peerTypes: false, scroll: 0 })
    await this.#loadChats()
  }

  async #loadOlder(): Promise<void> {
    const { peer, messages } = this.#model
    const [oldest] = messages
    if (peer === undefined || oldest === undefined || this.#oldestLoaded) return
    const older = await this.#client.history(peer, { limit: PAGE, before: oldest.order })
    if (this.#model.peer !== peer) return
    this.#oldestLoaded = older.length === 0
    this.#update({ messages: [...older, ...this.#model.messages.filter(({ order }) => order >= oldest.order)] })
  }

  #arrived(message: IncomingMessage): void {
    if (message.chat === this.#model.peer) {
      this.#show(message)
      this.#client.markRead([message]).catch(() => {})
    } else this.notify(`${formatPhone(message.chat)}: ${bodyText(message.body)}`)
    void this.#loadChats()
  }

  #moved(message: Message): void {
    if (message.chat === this.#model.peer) this.#show(message)
    else if (this.#model.peer === undefined) void this.#loadChats()
  }

  #show(message: Message): void {
    this.#update({ messages: withMessage(this.#model.messages, message) })
  }

  async #loadChats(): Promise<void> {
    const chats: ChatLine[] = []
    for (const chat of (await this.#client.chats()).slice(0, 200)) {
      const [last] = await this.#client.history(chat.user, { limit: 1 })
      chats.push({ ...chat, last })
    }
    this.#update({ chats })
  }

  #update(change: Partial<Model>): void {
    this.#model = { ...this.#model, ...change }
    this.#changed()
  }
}
