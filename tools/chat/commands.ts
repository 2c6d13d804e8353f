import { parsePhone } from './phone.ts'

/** What a line of input asks for. */
export type Command =
  | { readonly type: 'send'; readonly text: string }
  | { readonly type: 'open'; readonly user: number }
  /** The chat of this number in the list, from 1. */
  | { readonly type: 'openListed'; readonly number: number }
  | { readonly type: 'chats' | 'help' | 'quit' | 'offline' | 'online' | 'nothing' }
  | { readonly type: 'wrong'; readonly why: string }

export const helpLines: readonly string[] = [
  '',
  '  Type a message and press Enter to send it.',
  '',
  '  /to +15550000002   open the chat with a number (/to 1: the first of the list)',
  '  /chats             list your chats',
  '  /offline, /online  disconnect, connect again (or connect now instead of later)',
  '  /help              show this page',
  '  /quit              leave (Ctrl-C does it too)',
  '',
  '  PgUp, PgDn         scroll',
  '',
  '  …  waits to be sent      ✓   safe on the server',
  '  ✓✓ on their device       in colour: they have read it',
  '',
  '  A message may begin with a slash: type two of them.',
]

/** Reads one line of input. */
export function parseCommand(line: string): Command {
  const text = line.trim()
  if (text === '') return { type: 'nothing' }
  if (text.startsWith('//')) return { type: 'send', text: text.slice(1) }
  if (!text.startsWith('/')) return { type: 'send', text }
  const [name = '', ...rest] = text.slice(1).split(/\s+/)
  switch (name.toLowerCase()) {
    case 'to':
    case 'open':
      return parseOpen(rest.join(''))
    case 'chats':
    case 'list':
      return { type: 'chats' }
    case 'help':
    case '?':
      return { type: 'help' }
    case 'quit':
    case 'exit':
    case 'q':
      return { type: 'quit' }
    case 'offline':
      return { type: 'offline' }
    case 'online':
      return { type: 'online' }
    default:
      return { type: 'wrong', why: `There is no command /${name}: see /help` }
  }
}

function parseOpen(whom: string): Command {
  if (/^[1-9]\d{0,2}$/.test(whom)) return { type: 'openListed', number: Number(whom) }
  const user = parsePhone(whom)
  return user === undefined
    ? { type: 'wrong', why: 'Type /to and a phone number: /to +15550000002' }
    : { type: 'open', user }
}
