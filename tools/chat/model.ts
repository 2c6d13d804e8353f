import type { ConnectionState, Message } from '../../client/index.ts'

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
  readonly connection: ConnectionState
  /** The open chat; undefined: the list of chats is shown. */
  readonly peer: number | undefined
  readonly messages: readonly Message[]
  readonly presence: Presence | undefined
  readonly peerTypes: boolean
  readonly chats: readonly ChatLine[]
  /** Lines shown instead of the messages, until the next key: the help. */
  readonly page: readonly string[] | undefined
  /** One line for what just happened. */
  readonly notice: string
  readonly input: string
  /** Where the cursor is in `input`. */
  readonly cursor: number
  /** How many lines the view is scrolled up from the newest. */
  readonly scroll: number
}

export function emptyModel(self: number): Model {
  return {
    self,
    connection: { phase: 'connecting' },
    peer: undefined,
    messages: [],
    presence: undefined,
    peerTypes: false,
    chats: [],
    page: undefined,
    notice: '',
    input: '',
    cursor: 0,
    scroll: 0,
  }
}

/** The messages after one has come or moved: in order, each once. */
export function withMessage(messages: readonly Message[], changed: Message): readonly Message[] {
  const at = messages.findIndex(({ order }) => order === changed.order)
  if (at >= 0) return messages.with(at, changed)
  return [...messages, changed].sort((a, b) => a.order - b.order)
}
