import { ChatLines } from './chat-lines.ts'
import type { Spot } from './chat-lines.ts'
import { countListLines } from './chat-list.ts'
import { findPlace } from './model.ts'
import type { Model, Place } from './model.ts'
import { renderPage } from './page.ts'
import type { Size } from './screen.ts'

/** What scrolling changes. */
export interface Scrolled {
  readonly change: Partial<Model>
  /** The oldest line that is loaded is in sight. */
  readonly isOldest: boolean
}

/** @param lines - up when positive */
export function scrollBy(model: Model, lines: number, size: Size, now: number): Scrolled {
  const { columns, rows } = bodySize(size)
  if (!isChat(model)) {
    const all = countLines(model, columns)
    return { change: { top: clamp(model.top - lines, all - rows) }, isOldest: false }
  }
  const chat = new ChatLines(model, columns, now)
  const from = bottomOf(model, chat)
  const wanted = lines > 0 ? chat.above(from, lines).spot : chat.below(from, -lines)
  const { missing } = chat.above(wanted, rows)
  // The oldest line stops at the top.
  const bottom = missing > 1 ? chat.below(wanted, missing - 1) : wanted
  return { change: { bottom: placeOf(model, chat, bottom) }, isOldest: missing > 0 }
}

/** Whether messages are shown, not a page or a list. */
export function isChat(model: Model): boolean {
  return model.peer !== undefined && model.page === undefined && model.messages.length > 0
}

/** The columns of the screen, and the rows between its header and its status. */
export function bodySize(size: Size): Size {
  return { columns: Math.max(20, size.columns), rows: Math.max(5, size.rows) - 4 }
}

/** The lowest line in sight: that of the place where it was left, or the newest. */
export function bottomOf({ bottom, messages }: Model, chat: ChatLines): Spot {
  if (bottom === undefined) return chat.last
  const message = Math.min(findPlace(messages, bottom.order), messages.length - 1)
  return chat.nearest({ message, block: bottom.block, line: bottom.line })
}

function placeOf({ messages }: Model, chat: ChatLines, spot: Spot): Place | undefined {
  const message = messages[spot.message]
  if (message === undefined || chat.isLast(spot)) return undefined
  return { order: message.order, block: spot.block, line: spot.line }
}

function countLines({ page, peer, chats }: Model, columns: number): number {
  if (page !== undefined) return renderPage(page, columns).length
  return peer === undefined ? countListLines(chats) : 0
}

function clamp(top: number, max: number): number {
  return Math.max(0, Math.min(top, max))
}
