import { LRUCache } from 'lru-cache'
import type { Body, Message } from '../../client/index.ts'
import { blockOf, countBlocks } from './blocks.ts'
import { width } from './cells.ts'
import { printable } from './printable.ts'
import { indent, style, truncate, wrapMeasured } from './text.ts'
import type { Style } from './text.ts'
import { clockTime } from './times.ts'
import { bodyText, ticks } from './words.ts'

interface Made {
  readonly message: Message
  readonly lines: readonly string[]
}

interface Text {
  readonly text: string
  readonly blocks: number
}

const texts = new WeakMap<Body, Text>()
/** More blocks than any screen has lines. */
const made = new LRUCache<string, Made>({ max: 1_024 })

/** How many blocks a message is laid out in: see `blocks.ts`. */
export function countMessageBlocks(message: Message): number {
  return textOf(message).blocks
}

/** The lines of one block of a message, laid out once: own messages stand on the right, those of others on the left. */
export function messageLines(message: Message, block: number, columns: number): readonly string[] {
  const key = `${message.chat}/${message.order}/${block}/${columns}`
  const before = made.get(key)
  if (before?.message === message) return before.lines
  const lines = layOut(message, block, columns)
  made.set(key, { message, lines })
  return lines
}

/** Time and ticks follow the last word. */
function layOut(message: Message, block: number, columns: number): string[] {
  const { text, blocks } = textOf(message)
  const own = message.direction === 'out'
  const tail = `  ${clockTime(message.sentAt)}${own ? ` ${ticks(message)}` : ''}`
  const room = Math.max(16, Math.floor(columns * 0.75))
  const lines = wrapMeasured(printable(blockOf(text, block)), room)
  // What has several blocks is as wide as it can be, so that none of them has to know the others.
  const widest = blocks === 1 ? Math.max(...lines.map((line) => line.columns)) : room
  const isLast = block === blocks - 1
  const tailColumns = width(tail)
  const lastColumns = (): number => lines.at(-1)?.columns ?? 0
  if (isLast && lastColumns() + tailColumns > Math.max(room, widest)) lines.push({ text: '', columns: 0 })
  const together = blocks === 1 ? lastColumns() + tailColumns : tailColumns
  const needed = Math.min(columns - 2, Math.max(widest, together))
  const margin = own ? columns - needed - 1 : 1
  return lines.map((line, index) => {
    if (!isLast || index < lines.length - 1) return indent(line.text, margin)
    const gap = own ? ' '.repeat(Math.max(0, needed - line.columns - tailColumns)) : ''
    return indent(`${line.text}${gap}${style(tailStyle(message), truncate(tail, columns - 1))}`, margin)
  })
}

function textOf({ body }: Message): Text {
  const known = texts.get(body)
  if (known !== undefined) return known
  const text = bodyText(body)
  const counted = { text, blocks: countBlocks(text) }
  texts.set(body, counted)
  return counted
}

function tailStyle(message: Message): Style {
  if (message.direction === 'in') return 'dim'
  if (message.status === 'read' || message.status === 'played') return 'cyanBright'
  return message.status === 'failed' || message.status === 'expired' ? 'red' : 'dim'
}
