import { parsePhone } from './phone.ts'

/** What a line of input asks for. */
export type Command =
  | { readonly type: 'send'; readonly text: string }
  | { readonly type: 'open'; readonly user: number }
  /** The chat of this number in the list, from 1. */
  | { readonly type: 'openListed'; readonly number: number }
  | SecurityCommand
  | { readonly type: 'chats' | 'again' | 'help' | 'quit' | 'offline' | 'online' | 'nothing' }
  | { readonly type: 'wrong'; readonly why: string }

/** About keys and devices. */
export type SecurityCommand =
  | { readonly type: 'safety'; readonly action: 'show' | 'verified' | 'unverified' | 'accept' }
  | { readonly type: 'devices' }
  | { readonly type: 'removeDevice'; readonly device: number }
  /** The code that the new device shows. */
  | { readonly type: 'link'; readonly code: string }
  | { readonly type: 'backup' }

export const helpLines: readonly string[] = [
  '',
  '  Type a message and press Enter to send it.',
  '',
  '  /to +15550000002   open the chat with a number (/to 1: the first of the list)',
  '  /chats             list your chats',
  '  /again             send again what the open chat marks with ✗',
  '  /offline, /online  disconnect, connect again (or connect now instead of later)',
  '  /safety            the keys of the open chat: compare them, then /safety verified',
  '  /safety accept     go on with their new keys',
  '  /devices           your devices; /devices remove 2 takes one off',
  '  /link <code>       link a device that was started with --link',
  '  /backup            leave an encrypted backup with the server: --restore brings it back',
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
  const [first = '', second = ''] = rest
  switch (name.toLowerCase()) {
    case 'to':
    case 'open':
      return parseOpen(rest.join(''))
    case 'chats':
    case 'list':
      return { type: 'chats' }
    case 'safety':
    case 'keys':
      return parseSafety(first.toLowerCase())
    case 'devices':
      return parseDevices(first.toLowerCase(), second)
    case 'link':
      return first === ''
        ? { type: 'wrong', why: 'Type /link and the code that the new device shows' }
        : { type: 'link', code: rest.join('') }
    case 'backup':
      return { type: 'backup' }
    case 'again':
      return { type: 'again' }
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

function parseSafety(action: string): Command {
  if (action === '') return { type: 'safety', action: 'show' }
  if (action === 'verified' || action === 'unverified' || action === 'accept') return { type: 'safety', action }
  return { type: 'wrong', why: 'It is /safety, /safety verified, /safety unverified or /safety accept' }
}

function parseDevices(action: string, number: string): Command {
  if (action === '') return { type: 'devices' }
  if (action === 'remove' && /^[1-9]\d{0,2}$/.test(number)) return { type: 'removeDevice', device: Number(number) }
  return { type: 'wrong', why: 'It is /devices, or /devices remove and the number of one' }
}
