import type { Client, IncomingMessage, OutgoingMessage } from '../../client/index.ts'
import { parseCommand } from './commands.ts'
import type { Contacts } from './contacts.ts'
import type { LineReader } from './line-reader.ts'
import { isOver } from './model.ts'
import { renderPage } from './page.ts'
import type { Page } from './page.ts'
import { formatPhone } from './phone.ts'
import { printable } from './printable.ts'
import { refusalText } from './refusals.ts'
import { Security } from './security.ts'
import { clockTime } from './times.ts'
import {
  blockedText,
  bodyText,
  connectionText,
  fullText,
  historyText,
  identityText,
  restoredText,
  stopText,
  ticks,
} from './words.ts'

const LAST_WORDS_MS = 15_000
const COLUMNS = 100
/** Messages that are waited for, at most: what comes later of others is not told. */
const MAX_WAITING = 1_000

/**
 * Chats line by line, for pipes and scripts: every line of the input is a message or a command, every message that comes
 * is printed. When the input ends, it leaves as soon as all is accepted.
 *
 * @returns whether all that was sent was accepted
 */
export async function runPlain(
  client: Client,
  { server, peer, contacts }: { server: string; peer: number | undefined; contacts: Contacts },
  lines: LineReader,
): Promise<boolean> {
  let to = peer
  let allAccepted = true
  const unanswered = new Set<Promise<unknown>>()
  printEvents(client)
  const security = new Security(client, server, {
    show: printPage,
    say: (line) => print(`-- ${line}`),
    confirm: async (page) => {
      printPage(page)
      return /^\s*y(es)?\s*$/i.test((await lines.next()) ?? '')
    },
    nameOf: formatPhone,
    fullNameOf: formatPhone,
  })

  const follow = (message: OutgoingMessage): void => {
    const answer = client.whenAccepted(message).catch(() => {
      allAccepted = false
    })
    unanswered.add(answer)
    void answer.finally(() => unanswered.delete(answer))
  }

  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const command = parseCommand(line)
    if (command.type === 'quit') break
    switch (command.type) {
      case 'open':
        to = command.user
        break
      case 'openNamed': {
        const meant = contacts.names.resolve(command.name)
        if ('why' in meant) print(`-- ${meant.why}`)
        else to = meant.user
        break
      }
      case 'name': {
        const user = command.whom.type === 'user' ? command.whom.user : command.whom.type === 'open' ? to : undefined
        print(`-- ${user === undefined ? 'Whom? /name +15550000002 Anna' : await contacts.call(user, command.name)}`)
        break
      }
      case 'offline':
        client.disconnect()
        break
      case 'online':
        client.connect()
        break
      case 'send':
        if (to === undefined) print('-- Whom to? /to +15550000002')
        else follow(client.sendText(to, command.text))
        break
      case 'again': {
        const over = to === undefined ? [] : (await client.history(to)).filter(isOver)
        for (const message of over) follow(await client.sendAgain(message))
        if (over.length === 0) print('-- Nothing waits to be sent again')
        break
      }
      case 'safety':
      case 'devices':
      case 'removeDevice':
      case 'link':
      case 'backup':
        await security.run(command, to)
        break
      case 'wrong':
        print(`-- ${command.why}`)
        break
      case 'nothing':
        break
      default:
        print('-- Not here')
    }
  }
  const timer = setTimeout(() => void client.close(), LAST_WORDS_MS)
  await Promise.all(unanswered)
  clearTimeout(timer)
  return allAccepted
}

function printEvents(client: Client): void {
  const waiting = new Set<string>()
  let archived = 0
  const show = (message: IncomingMessage): void => {
    if (message.body.type === 'undecrypted' && waiting.size < MAX_WAITING) waiting.add(message.id)
    print(`${clockTime(message.sentAt)} ${formatPhone(message.chat)}: ${bodyText(message.body)}`)
    client.markRead([message]).catch(() => {})
  }
  const showOwn = (message: OutgoingMessage): void =>
    print(`${ticks(message)} ${formatPhone(message.chat)}: ${bodyText(message.body)}`)
  client.on('message', show)
  client.on('receipt', showOwn)
  client.on('sent', showOwn)
  client.on('changed', (message) => {
    // What was read elsewhere has changed, too.
    if (message.direction === 'in' && message.body.type !== 'undecrypted' && waiting.delete(message.id)) show(message)
  })
  client.on('identity', (event) => print(`-- ${identityText(event.change, formatPhone(event.user))}`))
  client.on('blocked', ({ user }) => print(`-- ${blockedText(formatPhone(user))}`))
  client.on('mailboxFull', (event) => print(`-- ${fullText(event, formatPhone(event.user))}`))
  client.on('history', (event) => {
    archived += event.messages
    if (event.complete) print(`-- ${historyText(event, archived)}`)
  })
  client.on('restored', (event) => print(`-- ${restoredText(event)}`))
  client.on('connection', (state) => print(`-- ${stopText(state) ?? connectionText(state, performance.now())}`))
  client.on('error', ({ code, message }) => print(`-- ${refusalText(code, message)}`))
}

function printPage(page: Page): void {
  process.stdout.write(`${renderPage(page, COLUMNS).join('\n')}\n`)
}

/** Further lines of a text are set in: else a message could look like several, and like those of others. */
function print(text: string): void {
  process.stdout.write(`${printable(text).replaceAll('\n', '\n    ')}\n`)
}
