import type { ConnectionState, KnownKeys, Message } from '../../client/index.ts'
import { Names } from './names.ts'
import type { Note } from './notes.ts'
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
  /** What happened in the open chat, between the messages. */
  readonly notes: readonly Note[]
  /** Of the open chat; undefined: nothing is known of them yet. */
  readonly keys: Pick<KnownKeys, 'hosted' | 'verified' | 'changed' | 'forked'> | undefined
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
    notes: [],
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

/** The messages after one has come or moved: in order, each once. */
export function withMessage(messages: readonly Message[], changed: Message): readonly Message[] {
  const at = findPlace(messages, changed.order)
  const isThere = messages[at]?.order === changed.order
  return isThere ? messages.with(at, changed) : messages.toSpliced(at, 0, changed)
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
