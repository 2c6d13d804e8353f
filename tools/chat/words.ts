import { CloseCode } from '../../client/index.ts'
import type { Body, ConnectionState, OutgoingMessage } from '../../client/index.ts'
import { printable } from './text.ts'

/** Why a message or a request was refused, for people. */
const refusals: Readonly<Record<string, string>> = {
  UNKNOWN_USER: 'nobody is registered under that number',
  TOO_LARGE: 'it is too long',
  OUTBOX_FULL: 'too many messages wait to be sent',
  EMPTY: 'it is empty',
  INVALID_USER: 'that is not a phone number',
  FORBIDDEN: 'not allowed',
  DEVICES_CHANGED: "the recipient's devices keep changing",
  STORE_FAILED: 'this machine could not store it (is the disk full?)',
  WRONG_CODE: 'That code is wrong or no longer valid.',
  PIN_REQUIRED: 'This number is protected by a PIN.',
  RATE_LIMITED: 'Too many tries.',
  SMS_FAILED: 'The server could not send the text message.',
}

export function refusalText(code: string, otherwise: string): string {
  return refusals[code] ?? otherwise
}

/** What a message shows. */
export function bodyText(body: Body): string {
  switch (body.type) {
    case 'text':
      return printable(body.text)
    case 'location':
      return printable(
        `[location] ${[body.name, body.address].filter(Boolean).join(', ')} ${body.latitude}, ${body.longitude}`,
      )
    case 'contact':
      return printable(`[contact] ${body.name} ${body.phone}`)
    case 'unsupported':
      return '[this message needs a newer version]'
    case 'unreadable':
      return '[this message could not be read]'
    default:
      return body satisfies never
  }
}

/** ✓ accepted, ✓✓ delivered and read: colour tells the last two apart, or a word where there is none. */
export function ticks(message: OutgoingMessage, colours: boolean): string {
  switch (message.status) {
    case 'waiting':
      return '…'
    case 'accepted':
      return '✓'
    case 'delivered':
      return '✓✓'
    case 'read':
    case 'played':
      return colours ? '✓✓' : '✓✓ read'
    case 'expired':
      return '✗ expired: it was never fetched'
    case 'failed':
      return `✗ not sent: ${refusalText(message.error ?? '', message.error ?? 'refused')}`
    default:
      return message.status satisfies never
  }
}

/** The state of the connection in a few words. */
export function connectionText(state: ConnectionState, now: number): string {
  switch (state.phase) {
    case 'online':
      return '● connected'
    case 'connecting':
      return '○ connecting…'
    case 'offline': {
      const seconds = Math.ceil((state.retryAt - now) / 1000)
      return seconds > 0 ? `○ offline, reconnecting in ${seconds} s` : '○ offline, reconnecting…'
    }
    case 'stopped':
      return '○ offline'
    case 'closed':
      return '○ closed'
    default:
      return state satisfies never
  }
}

/** Why the client stays offline, and what to do; undefined while it comes back by itself. */
export function stopText(state: ConnectionState): string | undefined {
  if (state.phase !== 'stopped') return undefined
  switch (state.code) {
    case 1000:
      return 'You are offline. Messages wait until you type /online.'
    case CloseCode.REPLACED:
      return 'This account was opened somewhere else. Type /online to use it here.'
    case CloseCode.UNAUTHENTICATED:
      return 'The server does not know this device any more. Start again with --register.'
    case CloseCode.DEVICE_REMOVED:
      return 'This device was removed from the account. Start again with --register.'
    default:
      return `The server refused the connection (${state.code} ${printable(state.reason)}).`
  }
}
