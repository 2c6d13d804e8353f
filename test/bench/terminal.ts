import type { IncomingMessage, Message } from '../../client/index.ts'
import { emptyModel, withMessage } from '../../tools/chat/model.ts'
import type { Model } from '../../tools/chat/model.ts'
import { renderScreen } from '../../tools/chat/screen.ts'
import { scrollBy } from '../../tools/chat/view.ts'
import { spread } from './statistics.ts'
import type { Spread } from './statistics.ts'

const SIZE = { columns: 80, rows: 24 }
const PAGE = 18
const RUNS = 30
const WARM_UP = 100
const NOW = Date.now()
const PEER = 15_550_000_002
const MAX_TEXT = 65_536

const texts: Readonly<Record<string, string>> = {
  'a short text each': 'Are you coming tonight?',
  '64 KiB of words': 'some words of a text '.repeat(MAX_TEXT / 21),
  '64 KiB without a space': 'x'.repeat(MAX_TEXT),
  '64 KiB of emoji': '👋🏽'.repeat(MAX_TEXT / 8),
  '64 KiB of Japanese': '日本語'.repeat(MAX_TEXT / 9),
  '64 KiB of line ends': '\n'.repeat(MAX_TEXT),
  '64 KiB of piled marks': `a${'\u{301}'.repeat(9)}`.repeat(MAX_TEXT / 19),
  '64 KiB that nobody sees': '\u{200b}'.repeat(MAX_TEXT / 3),
}

/** ms from a change to the lines of the screen, by what the messages are. */
export interface TerminalResult {
  readonly messages: number
  readonly frames: readonly {
    readonly text: string
    /** The chat is shown and nothing of it was laid out before. */
    readonly first: Spread
    readonly key: Spread
    readonly message: Spread
    readonly pageUp: Spread
  }[]
}

/** What a frame of the terminal client costs with so many messages in the open chat. */
export function measureTerminal(messages: number): TerminalResult {
  for (let i = 0; i < WARM_UP; i++) renderScreen(chatOf(historyOf(10, `warm 👋🏽 ${i}`)), SIZE, NOW, 0)
  return { messages, frames: Object.entries(texts).map(([name, text]) => ({ text: name, ...measure(messages, text) })) }
}

function measure(count: number, text: string): Omit<TerminalResult['frames'][number], 'text'> {
  const history = historyOf(count, text)
  const first = Array.from({ length: RUNS }, () => {
    const fresh = chatOf([...history.slice(0, -SIZE.rows), ...historyOf(count, text, count - SIZE.rows)])
    return timeOf(() => renderScreen(fresh, SIZE, NOW, 0))
  })
  const model = chatOf(history)
  renderScreen(model, SIZE, NOW, 0)
  const runs = Array.from({ length: RUNS }, (_, run) => run)
  const key = runs.map((run) =>
    timeOf(() => renderScreen({ ...model, input: text.slice(0, run), cursor: run }, SIZE, NOW, 0)),
  )
  const message = runs.map((run) => {
    const arrived = incoming(count + run + 1, text)
    return timeOf(() => renderScreen({ ...model, messages: withMessage(model.messages, arrived) }, SIZE, NOW, 0))
  })
  let scrolled: Model = model
  const pageUp = runs.map(() =>
    timeOf(() => {
      scrolled = { ...scrolled, ...scrollBy(scrolled, PAGE, SIZE, NOW).change }
      renderScreen(scrolled, SIZE, NOW, 0)
    }),
  )
  return { first: spread(first), key: spread(key), message: spread(message), pageUp: spread(pageUp) }
}

function timeOf(run: () => unknown): number {
  const start = performance.now()
  run()
  return performance.now() - start
}

/** The messages from one to another: objects that nothing has seen before. */
function historyOf(count: number, text: string, from = 0): readonly Message[] {
  return Array.from({ length: count - from }, (_, index) => incoming(from + index + 1, text))
}

function chatOf(messages: readonly Message[]): Model {
  const connection = { phase: 'online', pending: 0 } as const
  return { ...emptyModel(15_550_000_001, 'bench'), connection, peer: PEER, messages }
}

function incoming(order: number, text: string): IncomingMessage {
  const body = { type: 'text', text } as const
  const base = { id: `i${order}`, chat: PEER, body, order, sentAt: NOW }
  return { ...base, direction: 'in', device: 1, read: false, hosted: false }
}
