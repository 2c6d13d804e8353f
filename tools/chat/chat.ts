import type { Client, ClientEvents, IncomingMessage, Message } from '../../client/index.ts'
import { helpLines, parseCommand, parsePasted } from './commands.ts'
import type { Command } from './commands.ts'
import type { Contacts } from './contacts.ts'
import { emptyModel, isOver, withMessage } from './model.ts'
import type { ChatLine, Model } from './model.ts'
import type { Page } from './page.ts'
import { refusalText } from './refusals.ts'
import type { Size } from './screen.ts'
import { Security } from './security.ts'
import { scrollBy } from './view.ts'
import { blockedText, bodyText, fullText, historyText, identityText, restoredText } from './words.ts'

const PAGE = 300
const NOTICE_MS = 8_000
const MAX_CHATS = 200

export interface ChatOptions {
  /** The user of this device. */
  readonly self: number
  /** The name of the server, for people. */
  readonly server: string
  readonly contacts: Contacts
  /** The model is another one: paint it. */
  changed(): void
  quit(): void
}

/** The conversation between a client and a person: holds what the screen shows, and does what is typed. */
export class Chat {
  readonly #client: Client
  readonly #changed: () => void
  readonly #quit: () => void
  readonly #contacts: Contacts
  #model: Model
  #noticeTimer: NodeJS.Timeout | undefined
  #oldestLoaded = false
  readonly #security: Security
  /** Takes the answer to the question that is on the screen. */
  #answer: ((yes: boolean) => void) | undefined
  /** Earlier messages that have come since the last of them was announced. */
  #archived = 0
  #loading: Promise<void> | undefined
  #loadsWanted = 0

  constructor(client: Client, { self, server, contacts, changed, quit }: ChatOptions) {
    this.#client = client
    this.#changed = changed
    this.#quit = quit
    this.#contacts = contacts
    this.#model = { ...emptyModel(self, server), names: contacts.names, connection: client.connection }
    this.#security = new Security(client, server, {
      show: (page) => this.#showPage(page),
      say: (line) => this.notify(line),
      confirm: (page) => this.#confirm(page),
      nameOf: (user) => contacts.names.nameOf(user),
      fullNameOf: (user) => contacts.names.fullNameOf(user),
    })
    client.on('connection', (connection) => this.#update({ connection }))
    client.on('message', (message) => this.#arrived(message))
    client.on('sent', (message) => this.#moved(message))
    client.on('changed', (message) => this.#moved(message))
    client.on('receipt', (message) => this.#moved(message))
    client.on('identity', (event) => this.#noteIdentity(event))
    client.on('blocked', ({ user }) => {
      if (user === this.#model.peer) void this.#loadKeys(user)
      else this.notify(blockedText(this.#nameOf(user)))
    })
    client.on('mailboxFull', (event) => this.notify(fullText(event, this.#nameOf(event.user))))
    client.on('devices', ({ user }) => void this.#loadKeys(user))
    client.on('history', (event) => void this.#noteHistory(event))
    client.on('restored', (event) => this.notify(restoredText(event)))
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
  scroll(lines: number, size: Size): void {
    const { change, isOldest } = scrollBy(this.#model, lines, size, Date.now())
    this.#update(change)
    if (isOldest && lines > 0) void this.#loadOlder()
  }

  /** @param isTyped - false for what was pasted: that is text, whatever it looks like */
  async entered(line: string, { isTyped = true }: { readonly isTyped?: boolean } = {}): Promise<void> {
    this.#update({ page: undefined, notice: '', bottom: undefined, top: 0 })
    const answer = this.#answer
    if (answer === undefined) return this.#run(isTyped ? parseCommand(line) : parsePasted(line))
    this.#answer = undefined
    this.#update({ asks: false })
    return answer(isTyped && /^\s*y(es)?\s*$/i.test(line))
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
        const listed = this.#findListed(command.number)
        return listed === undefined ? undefined : this.#open(listed)
      }
      case 'openNamed': {
        const meant = this.#contacts.names.resolve(command.name)
        return 'why' in meant ? this.notify(meant.why) : this.#open(meant.user)
      }
      case 'name':
        return this.#name(command)
      case 'chats':
        return this.#leave()
      case 'again':
        return this.#sendAgain()
      case 'help':
        return this.#showPage({ lines: helpLines })
      case 'offline':
        return this.#client.disconnect()
      case 'online':
        return this.#client.connect()
      case 'quit':
        return this.#quit()
      case 'safety':
      case 'devices':
      case 'removeDevice':
      case 'link':
      case 'backup': {
        const { peer } = this.#model
        await this.#security.run(command, peer)
        return peer === undefined ? undefined : this.#loadKeys(peer)
      }
      case 'wrong':
        return this.notify(command.why)
      default:
        return command satisfies never
    }
  }

  async #name({ whom, name }: Extract<Command, { type: 'name' }>): Promise<void> {
    const user =
      whom.type === 'listed' ? this.#findListed(whom.number) : whom.type === 'user' ? whom.user : this.#model.peer
    if (user === undefined) {
      if (whom.type === 'open') this.notify('Open the chat first, or name the number: /name +15550000002 Anna')
      return
    }
    this.notify(await this.#contacts.call(user, name))
    this.#update({ names: this.#contacts.names })
  }

  /** Says so where there is no such chat. */
  #findListed(number: number): number | undefined {
    const listed = this.#model.chats[number - 1]
    if (listed === undefined) this.notify(`There is no chat ${number} in the list`)
    return listed?.user
  }

  #nameOf(user: number): string {
    return this.#contacts.names.nameOf(user)
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

  /** What the open chat shows as failed or expired goes again, in its order. */
  async #sendAgain(): Promise<void> {
    const over = this.#model.messages.filter(isOver)
    if (over.length === 0) return this.notify('Nothing in this chat waits to be sent again')
    try {
      for (const message of over) await this.#client.sendAgain(message)
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string }
      this.notify(`Not sent: ${refusalText(code, message)}`)
    }
  }

  async #open(peer: number): Promise<void> {
    if (this.#model.peer !== undefined) this.#client.unwatch([this.#model.peer])
    this.#update({ peer, messages: [], keys: undefined, presence: undefined, peerTypes: false })
    this.#update({ bottom: undefined, top: 0 })
    this.#oldestLoaded = false
    void this.#loadKeys(peer)
    const messages = await this.#client.history(peer, { limit: PAGE })
    if (this.#model.peer !== peer) return
    this.#client.watch([peer])
    for (const message of messages) this.#show(message)
    await this.#client.markChatRead(peer)
    await this.#loadChats()
  }

  async #leave(): Promise<void> {
    if (this.#model.peer !== undefined) this.#client.unwatch([this.#model.peer])
    this.#update({
      peer: undefined,
      messages: [],
      keys: undefined,
      presence: undefined,
      peerTypes: false,
      top: 0,
    })
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
      if (message.hosted && this.#model.keys?.hosted !== true) void this.#loadKeys(message.chat)
    } else this.notify(`${this.#nameOf(message.chat)}: ${bodyText(message.body)}`)
    void this.#loadChats()
  }

  #moved(message: Message): void {
    if (message.chat === this.#model.peer) this.#show(message)
    else if (this.#model.peer === undefined) void this.#loadChats()
  }

  #noteIdentity({ user, change }: ClientEvents['identity']): void {
    if (user === this.#model.peer) void this.#loadKeys(user)
    else this.notify(identityText(change, this.#nameOf(user)))
  }

  async #noteHistory(event: ClientEvents['history']): Promise<void> {
    this.#archived += event.messages
    this.notify(historyText(event, this.#archived))
    if (!event.complete) return
    this.#archived = 0
    await this.#loadChats()
    const { peer } = this.#model
    if (peer === undefined) return
    for (const message of await this.#client.history(peer, { limit: PAGE })) {
      if (this.#model.peer === peer) this.#show(message)
    }
  }

  /** What is known of the keys of the open chat; the server is asked where that is nothing. */
  async #loadKeys(user: number): Promise<void> {
    if (user !== this.#model.peer) return
    const keys = await this.#client.trust.ask(user).catch(() => undefined)
    if (user === this.#model.peer) this.#update({ keys })
  }

  #showPage(page: Page): void {
    this.#update({ page, top: 0 })
  }

  /** Asks the person; a question that is still open is answered with no. */
  #confirm(page: Page): Promise<boolean> {
    this.#answer?.(false)
    this.#showPage(page)
    this.#update({ asks: true })
    return new Promise((resolve) => {
      this.#answer = resolve
    })
  }

  #show(message: Message): void {
    this.#update({ messages: withMessage(this.#model.messages, message) })
  }

  /** While the list is being read, all that happens makes it be read once more. */
  async #loadChats(): Promise<void> {
    this.#loadsWanted += 1
    this.#loading ??= this.#readChats()
    return this.#loading
  }

  async #readChats(): Promise<void> {
    try {
      while (this.#loadsWanted > 0) {
        this.#loadsWanted = 0
        this.#update({ chats: await this.#findChats() })
      }
    } finally {
      this.#loading = undefined
    }
  }

  async #findChats(): Promise<readonly ChatLine[]> {
    const chats: ChatLine[] = []
    for (const chat of (await this.#client.chats()).slice(0, MAX_CHATS)) {
      const [last] = await this.#client.history(chat.user, { limit: 1 })
      chats.push({ ...chat, last })
    }
    return chats
  }

  #update(change: Partial<Model>): void {
    this.#model = { ...this.#model, ...change }
    this.#changed()
  }
}
