import type { ConnectionState, KnownKeys, Message, OutgoingMessage } from '../../client/index.ts'
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

/** All that is on the screen. */
export interface Model {
  readonly self: number
  /** The name of the server, for people. */
  readonly server: string
  readonly connection: ConnectionState
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
  /** How many lines the view is scrolled up from the newest. */
  readonly scroll: number
}

export function emptyModel(self: number, server: string): Model {
  return {
    self,
    server,
    connection: { phase: 'connecting' },
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
    scroll: 0,
  }
}

function isSame(a: Message, b: Message): boolean {
  return a.id === b.id && a.direction === b.direction && (a.direction === 'out' || a.device === b.device)
}

/** Whether it is a message of the own user that goes nowhere unless it is sent again. */
export function isOver(message: Message): message is OutgoingMessage {
  return message.direction === 'out' && (message.status === 'failed' || message.status === 'expired')
}

/** The messages after one has come or moved: in order, each once. */
export function withMessage(messages: readonly Message[], changed: Message): readonly Message[] {
  const at = messages.findIndex((message) => isSame(message, changed))
  if (messages[at]?.order === changed.order) return messages.with(at, changed)
  // It is new, or has another place since it was accepted.
  return [...messages.filter((_, index) => index !== at), changed].sort((a, b) => a.order - b.order)
}
