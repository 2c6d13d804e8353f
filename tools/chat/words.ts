import type { Body, ClientEvents, ConnectionState, OutgoingMessage } from '../../client/index.ts'
import { refusalText } from './refusals.ts'
import { printable } from './printable.ts'

/** What a message shows, as it came: whoever draws it makes it printable. */
export function bodyText(body: Body): string {
  switch (body.type) {
    case 'text':
      return body.text
    case 'location':
      return `[location] ${[body.name, body.address].filter(Boolean).join(', ')} ${body.latitude}, ${body.longitude}`
    case 'contact':
      return `[contact] ${body.name} ${body.phone}`
    case 'unsupported':
      return '[this message needs a newer version]'
    case 'unreadable':
      return '[this message could not be read]'
    case 'undecrypted':
      return '[waiting for this message]'
    default:
      return body satisfies never
  }
}

/** ✓ accepted, ✓✓ delivered; a word says that it was read, since not everybody sees colours. */
export function ticks(message: OutgoingMessage): string {
  switch (message.status) {
    case 'waiting':
      return '…'
    case 'accepted':
      return '✓'
    case 'delivered':
      return '✓✓'
    case 'read':
    case 'played':
      return `✓✓ ${message.status}`
    case 'expired':
      return '✗ expired: it was never fetched'
    case 'failed':
      return `✗ not sent: ${printable(refusalText(message.error ?? '', message.error ?? 'refused'))}`
    default:
      return message.status satisfies never
  }
}

/** The state of the connection in a few words. @param monotonic - ms of `performance.now()` */
export function connectionText(state: ConnectionState, monotonic: number): string {
  switch (state.phase) {
    case 'online':
      return '● connected'
    case 'connecting':
      return '○ connecting…'
    case 'offline': {
      const seconds = Math.ceil((state.retryAt - monotonic) / 1000)
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

/** What would log others out is named as such. */
const WAYS_BACK =
  'Way back: --link, while your first device is in use. Only without it: --restore, which logs all others out.'

/** Why the client stays offline, and what to do; undefined while it comes back by itself. */
export function stopText(state: ConnectionState): string | undefined {
  if (state.phase !== 'stopped') return undefined
  switch (state.cause) {
    case 'disconnected':
      return 'You are offline. Messages wait until you type /online.'
    case 'replaced':
      return 'This account was opened somewhere else. Type /online to use it here.'
    case 'unauthenticated':
      return `This device is logged out. ${WAYS_BACK}`
    case 'removed':
      return `This device was removed from the account. ${WAYS_BACK}`
    default:
      return `The server refused the connection (${state.code} ${printable(state.reason)}).`
  }
}

/** What a hosted account means for whoever writes to it. */
export function hostedText(name: string, server: string): string {
  return `Messages with ${name} can be read by the operator of ${server}.`
}

/** What became known of the keys of somebody. */
export function identityText(change: ClientEvents['identity']['change'], name: string): string {
  return change === 'changed'
    ? `${name} has new keys: a new phone, or somebody in between. Compare them: /safety`
    : `Two different lists of the devices of ${name} were shown. Look at /safety`
}

/** Why nothing is sent to somebody, and what to do. */
export function blockedText(name: string): string {
  return `Nothing is sent to ${name} before you accept the new keys: look at /safety, then type /safety accept`
}

/** What is for somebody waits, or goes on. */
export function fullText({ full }: Pick<ClientEvents['mailboxFull'], 'full'>, name: string): string {
  return full ? `The mailbox of ${name} is full: the message waits here` : `The mailbox of ${name} has room again`
}

/** @param sum - those that came before in the same transfer, too */
export function historyText({ complete }: ClientEvents['history'], sum: number): string {
  if (complete && sum === 0) return 'There are no earlier messages'
  const have = sum === 1 ? '1 earlier message has come' : `${sum} earlier messages have come`
  return complete ? have : `${have}, more are on their way`
}

/** What is on its way again after the server went back to a back-up. */
export function restoredText({ restoredTo, resent }: ClientEvents['restored']): string {
  const what = resent === 1 ? '1 message that it may have lost goes' : `${resent} messages that it may have lost go`
  return `The server was restored to ${new Date(restoredTo).toLocaleString()}: ${what} there again`
}

/** "123 456" */
export function formatDigits(digits: string): string {
  return digits.replace(/^(\d{3})(\d{3})$/, '$1 $2')
}
