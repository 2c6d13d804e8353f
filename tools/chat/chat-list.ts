import type { ChatLine } from './model.ts'
import { width } from './cells.ts'
import type { Names } from './names.ts'
import { oneLine, spread, style, wrap } from './text.ts'
import { clockTime, dayName, sameDay } from './times.ts'
import { bodyText, ticks } from './words.ts'

const LINES_A_CHAT = 2

export interface ListOptions {
  readonly columns: number
  readonly names: Names
  readonly now: number
}

/** How many lines the list of chats has. */
export function countListLines(chats: readonly ChatLine[]): number {
  return chats.length * LINES_A_CHAT
}

/** The lines from `top` on, as many as there are rows: the others are not made. */
export function renderList(chats: readonly ChatLine[], top: number, rows: number, options: ListOptions): string[] {
  if (chats.length === 0) {
    return wrap('\n  No chats yet. Type /to and the phone number of somebody who is registered.', options.columns)
  }
  const first = Math.floor(top / LINES_A_CHAT)
  const seen = chats.slice(first, Math.ceil((top + rows) / LINES_A_CHAT))
  const lines = seen.flatMap((chat, index) => renderChat(chat, first + index + 1, options))
  return lines.slice(top - first * LINES_A_CHAT).slice(0, rows)
}

function renderChat(chat: ChatLine, number: number, { columns, names, now }: ListOptions): string[] {
  const { user, unread, lastAt, last } = chat
  const when = sameDay(lastAt, now) ? clockTime(lastAt) : dayName(lastAt, now)
  const head = spread(`${String(number).padStart(3)}  ${names.fullNameOf(user)}`, `${when} `, columns)
  const count = unread === 0 ? '' : `(${unread} unread) `
  const own = last?.direction === 'out' ? `${ticks(last)} ` : ''
  const preview = last === undefined ? '' : oneLine(own + bodyText(last.body), columns - 6 - width(count))
  return [unread === 0 ? head : style('bold', head), `     ${style('green', count)}${style('dim', preview)}`]
}
