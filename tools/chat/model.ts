import type { ConnectionState, KnownKeys, Message, OutgoingMessage } from '../../client/index.ts'
import { Names } from './names.ts'
import type { Page } from './page.ts'

interface Presence {
  readonly online: boolean
  readonly lastSeen: number
}

/** One line of the list of chats. */
export interface ChatLine {
  readonly user: number
  readonly unread: number
  readonly lastAt: number
  readonly last: Message | undefined
}

/** A line of a chat, wherever messages come and go: of a block of the message with this order. */
export interface Place {
  readonly order: number
  readonly block: number
  readonly line: number
}

/** All that is on the screen. */
export interface Model {
  readonly self: number
  /** The name of the server, for people. */
  readonly server: string
  readonly connection: ConnectionState
  /** What the person calls others. */
  readonly names: Names
  /** The open chat; undefined: the list of chats is shown. */
  readonly peer: number | undefined
  readonly messages: readonly Message[]
  /** Of the open chat; undefined: nothing is known of them yet. */
  readonly keys: Pick<KnownKeys, 'hosted' | 'verified' | 'changed' | 'changedAfter' | 'forked'> | undefined
  readonly presence: Presence | undefined
  readonly peerTypes: boolean
  readonly chats: readonly ChatLine[]
  /** Shown instead of the messages, until the next line is entered: the help. */
  readonly page: Page | undefined
  /** The next line that is entered says yes or no. */
  readonly asks: boolean
  /** One line for what just happened. */
  readonly notice: string
  readonly input: string
  /** Where the cursor is in `input`. */
  readonly cursor: number
  /** The lowest line of the chat in sight; undefined: always the newest. */
  readonly bottom: Place | undefined
  /** The first line in sight of a page or of the list, from 0. */
  readonly top: number
}

export function emptyModel(self: number, server: string): Model {
  return {
    self,
    server,
    connection: { phase: 'connecting' },
    names: new Names(),
    peer: undefined,
    messages: [],
    keys: undefined,
    presence: undefined,
    peerTypes: false,
    chats: [],
    page: undefined,
    asks: false,
    notice: '',
    input: '',
    cursor: 0,
    bottom: undefined,
    top: 0,
  }
}

function isSame(a: Message, b: Message): boolean {
  return a.id === b.id && a.direction === b.direction && (a.direction === 'out' || a.device === b.device)
}

/** Whether it is a message of this user that goes nowhere unless it is sent again. */
export function isOver(message: Message): message is OutgoingMessage {
  return message.direction === 'out' && (message.status === 'failed' || message.status === 'expired')
}

/** The messages after one has come or moved: in order, each once. */
export function withMessage(messages: readonly Message[], changed: Message): readonly Message[] {
  const at = findPlace(messages, changed.order)
  const there = messages[at]
  if (there !== undefined && isSame(there, changed)) return messages.with(at, changed)
  // It is new, or has another place since it was accepted.
  const before = messages.findLastIndex((message) => isSame(message, changed))
  const others = before === -1 ? messages : messages.toSpliced(before, 1)
  return others.toSpliced(findPlace(others, changed.order), 0, changed)
}

/** Where the first message of this order or a higher one is. */
export function findPlace(messages: readonly Message[], order: number): number {
  let [low, high] = [0, messages.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((messages[middle]?.order ?? Infinity) < order) low = middle + 1
    else high = middle
  }
  return low
}
