import { readPhone } from '../../src/shared/phone-number.ts'
import { looksLikeNumber } from './phone.ts'

/** What a line of input asks for. */
export type Command =
  | { readonly type: 'send'; readonly text: string }
  | { readonly type: 'open'; readonly user: number }
  /** The chat of this number in the list, from 1. */
  | { readonly type: 'openListed'; readonly number: number }
  | { readonly type: 'openNamed'; readonly name: string }
  /** '' takes the name away. */
  | { readonly type: 'name'; readonly whom: Whom; readonly name: string }
  | SecurityCommand
  | { readonly type: 'chats' | 'again' | 'help' | 'quit' | 'offline' | 'online' | 'nothing' }
  | { readonly type: 'wrong'; readonly why: string }

/** Who gets a name: whoever the open chat is with, if nobody is named. */
export type Whom =
  | { readonly type: 'open' }
  | { readonly type: 'listed'; readonly number: number }
  | { readonly type: 'user'; readonly user: number }

/** About keys and devices. */
export type SecurityCommand =
  | { readonly type: 'safety'; readonly action: 'show' | 'verified' | 'unverified' | 'accept' }
  | { readonly type: 'devices' }
  | { readonly type: 'removeDevice'; readonly device: number }
  /** The code that the new device shows. */
  | { readonly type: 'link'; readonly code: string }
  | { readonly type: 'backup' }

const LISTED = /^[1-9]\d{0,2}$/
/** Nobody writes a phone number with more spaces. */
const MAX_NUMBER_WORDS = 8

/** Not more lines than a terminal of 24 has room for. */
export const helpLines: readonly string[] = [
  '  Type a message, Enter sends it. Alt+Enter or Ctrl+J begins a new line in it.',
  '  What is pasted is text, no command. Type // for a message that begins with /',
  '',
  '  /to +15550000002   open a chat by number, by name, or /to 1: the first listed',
  '  /chats             list your chats',
  '  /name +1555… Anna  name somebody; in a chat /name Anna; no name takes it away',
  '  /again             send again what the open chat marks with ✗',
  '  /offline, /online  disconnect; connect again, or now instead of later',
  '  /safety            compare keys in a chat: /safety verified, /safety accept',
  '  /devices           your devices; /devices remove 2 takes one off',
  '  /link <code>       link a device that was started with --link',
  '  /backup            leave an encrypted backup with the server, for --restore',
  '  /help              show this page',
  '  /quit              leave (Ctrl+C does it too)',
  '',
  '  PgUp, PgDn: scroll · Up, Down: typed before · Ctrl+W U K: cut, Ctrl+Y: insert',
  '  Alt+Left, Alt+Right, Home, End: move · Ctrl+L: paint again · Ctrl+Z: suspend',
  '',
  '  … waits to be sent   ✓ safe on the server   ✓✓ on their device   ✓✓ read',
]

/** Reads one line of input that was pasted: it is a text as it stands, whatever it begins with. */
export function parsePasted(line: string): Command {
  const text = line.trim()
  // Whoever has the code can take the new device for their own account: it must not go out as a message.
  if (/^\/link\s/i.test(text))
    return { type: 'wrong', why: 'Type /link and a space yourself, then paste the code alone' }
  return text === '' ? { type: 'nothing' } : { type: 'send', text }
}

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
      return parseOpen(rest)
    case 'name':
      return parseName(rest)
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
        : // The new device shows the whole command, so that it may be pasted behind the word.
          { type: 'link', code: rest.join('').replace(/^\/link/i, '') }
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

function parseOpen(words: readonly string[]): Command {
  const whom = words.join('')
  if (LISTED.test(whom)) return { type: 'openListed', number: Number(whom) }
  const user = readPhone(whom)
  if (user !== undefined) return { type: 'open', user }
  return looksLikeNumber(whom)
    ? { type: 'wrong', why: 'Type /to and a phone number or a name: /to +15550000002' }
    : { type: 'openNamed', name: words.join(' ') }
}

/** The number is what can be read as one at the beginning; the rest is the name. */
function parseName(words: readonly string[]): Command {
  const [first = '', ...others] = words
  if (LISTED.test(first)) {
    return { type: 'name', whom: { type: 'listed', number: Number(first) }, name: others.join(' ') }
  }
  for (let count = Math.min(words.length, MAX_NUMBER_WORDS); count > 0; count--) {
    const user = readPhone(words.slice(0, count).join(' '))
    if (user !== undefined) return { type: 'name', whom: { type: 'user', user }, name: words.slice(count).join(' ') }
  }
  if (first !== '') return { type: 'name', whom: { type: 'open' }, name: words.join(' ') }
  return { type: 'wrong', why: 'Type /name, a number and a name: /name +15550000002 Anna' }
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
