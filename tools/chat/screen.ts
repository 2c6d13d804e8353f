import type { Message } from '../../client/index.ts'
import type { ChatLine, Model } from './model.ts'
import type { Note } from './notes.ts'
import { renderPage } from './page.ts'
import { formatPhone } from './phone.ts'
import { hasColours, indent, oneLine, printable, spread, style, truncate, width, wrap } from './text.ts'
import type { Style } from './text.ts'
import { clockTime, dayName, lastSeen, sameDay } from './times.ts'
import { blockedText, bodyText, connectionText, hostedText, stopText, ticks } from './words.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Screen {
  /** As many as there are rows, less the input line. */
  readonly lines: readonly string[]
  /** The last row: the cursor stands between the two parts. */
  readonly input: { readonly before: string; readonly after: string }
  /** How far the view can be scrolled up. */
  readonly maxScroll: number
}

/** What the terminal shows. Pure: the same model gives the same screen. */
export function renderScreen(model: Model, size: Size, now: number): Screen {
  const columns = Math.max(20, size.columns)
  const rows = Math.max(5, size.rows)
  const bodyRows = rows - 4
  const body = renderBody(model, columns, now)
  const maxScroll = Math.max(0, body.length - bodyRows)
  const scroll = Math.min(model.scroll, maxScroll)
  const end = body.length - scroll
  const shown = body.slice(Math.max(0, end - bodyRows), end)
  // Messages stand at the bottom, lists at the top.
  const isChat = model.peer !== undefined && model.page === undefined
  const space = Array.from({ length: bodyRows - shown.length }, () => '')
  const lines = [
    style('inverse', spread(` ${title(model, now)}`, `${connectionText(model.connection, now)} `, columns)),
    ...(isChat ? [...space, ...shown] : [...shown, ...space]),
    style(
      'dim',
      scroll > 0
        ? spread('', `↓ ${scroll} more ${scroll === 1 ? 'line' : 'lines'}, PgDn `, columns)
        : '─'.repeat(columns),
    ),
    renderStatus(model, columns),
  ]
  return { lines, input: renderInput(model, columns), maxScroll }
}

function title(model: Model, now: number): string {
  const { self, peer } = model
  if (peer === undefined) return `Parley  ${formatPhone(self)}`
  const about = whereabouts(model, now)
  return `${formatPhone(peer)}${badge(model)}${about === '' ? '' : `  ${about}`}`
}

function whereabouts({ presence, peerTypes, connection }: Model, now: number): string {
  if (peerTypes) return 'typing…'
  // What was known before the connection went is not known any more.
  if (presence === undefined || connection.phase !== 'online') return ''
  if (presence.online) return 'online'
  return presence.lastSeen > 0 ? lastSeen(presence.lastSeen, now) : ''
}

/** What is known of the keys of the open chat, where it is more than the usual. */
function badge({ keys }: Model): string {
  if (keys === undefined) return ''
  const marks = [
    ...(isBlocked(keys) ? ['new keys'] : []),
    ...(keys.hosted ? ['hosted'] : []),
    ...(keys.verified ? ['verified'] : []),
  ]
  return marks.map((mark) => ` [${mark}]`).join('')
}

function isBlocked({ changed, forked }: NonNullable<Model['keys']>): boolean {
  return changed || forked
}

function renderStatus(model: Model, columns: number): string {
  const stopped = stopText(model.connection)
  if (stopped !== undefined) return style('yellow', truncate(stopped, columns))
  if (model.asks) return style('yellow', truncate('Type y or n and press Enter', columns))
  if (model.notice !== '') return style('yellow', oneLine(model.notice, columns))
  const hint = model.peer === undefined ? '/to +number opens a chat · /help · /quit' : '/chats · /help · /quit'
  const unread = model.chats.filter(({ user }) => user !== model.peer).reduce((sum, one) => sum + one.unread, 0)
  const others = unread === 0 ? '' : `${unread} unread in other chats`
  return style('dim', spread(hint, others, columns))
}

/** The part of the input around the cursor, where it is wider than the screen. */
function renderInput({ input, cursor }: Model, columns: number): Screen['input'] {
  const room = columns - 3
  let before = printable(input.slice(0, cursor))
  while (width(before) > room) before = before.slice(1)
  const after = truncate(printable(input.slice(cursor)), room - width(before))
  return { before: `> ${before}`, after }
}

function renderBody(model: Model, columns: number, now: number): string[] {
  if (model.page !== undefined) return renderPage(model.page, columns)
  if (model.peer === undefined) return renderChats(model.chats, columns, now)
  const { peer, keys, server } = model
  return [
    ...(keys?.hosted === true ? renderNote(hostedText(peer, server), columns, 'yellow') : []),
    ...renderMessages(model, columns, now),
    ...(keys !== undefined && isBlocked(keys) ? renderNote(blockedText(peer), columns, 'yellow') : []),
  ]
}

function renderChats(chats: readonly ChatLine[], columns: number, now: number): string[] {
  if (chats.length === 0) {
    return wrap('\n  No chats yet. Type /to and the phone number of somebody who is registered.', columns)
  }
  return chats.flatMap(({ user, unread, lastAt, last }, index) => {
    const when = sameDay(lastAt, now) ? clockTime(lastAt) : dayName(lastAt, now)
    const head = spread(`${String(index + 1).padStart(3)}  ${formatPhone(user)}`, `${when} `, columns)
    const count = unread === 0 ? '' : `(${unread} unread) `
    const own = last?.direction === 'out' ? `${ticks(last, false)} ` : ''
    const preview = last === undefined ? '' : oneLine(own + bodyText(last.body), columns - 6 - width(count))
    return [unread === 0 ? head : style('bold', head), `     ${style('green', count)}${style('dim', preview)}`]
  })
}

function renderMessages({ messages, notes }: Model, columns: number, now: number): string[] {
  if (messages.length === 0) {
    const hint = style('dim', truncate('No messages yet: type one and press Enter.', columns))
    return [hint, ...renderNotes(notes, columns)]
  }
  const oldest = messages[0]?.order ?? 0
  let day: number | undefined
  const lines = messages.flatMap((message, index) => {
    const until = messages[index + 1]?.order ?? Infinity
    const after = notes.filter((note) => note.after >= message.order && note.after < until)
    const lines = [...renderMessage(message, columns), ...renderNotes(after, columns)]
    if (day !== undefined && sameDay(day, message.sentAt)) return lines
    day = message.sentAt
    const name = `── ${dayName(message.sentAt, now)} ──`
    return ['', style('dim', indent(name, Math.floor((columns - width(name)) / 2))), ...lines]
  })
  // Those of a time of which there is no message stand at the beginning.
  const before = notes.filter((note) => note.after === 0 && oldest > 0)
  return [...renderNotes(before, columns), ...lines]
}

function renderNotes(notes: readonly Note[], columns: number): string[] {
  return notes.flatMap(({ text }) => renderNote(text, columns, 'dim'))
}

/** In the middle, over several lines if it must be. */
function renderNote(text: string, columns: number, format: Style): string[] {
  const lines = wrap(text, columns - 4)
  return lines.map((line) => style(format, indent(line, Math.floor((columns - width(line)) / 2))))
}

/** Own messages stand on the right, the others' on the left; time and ticks follow the last word. */
function renderMessage(message: Message, columns: number): string[] {
  const own = message.direction === 'out'
  const tail = own ? `  ${clockTime(message.sentAt)} ${ticks(message, hasColours())}` : `  ${clockTime(message.sentAt)}`
  const room = Math.max(16, Math.floor(columns * 0.75))
  const lines = wrap(bodyText(message.body), room)
  const lastWidth = width(lines.at(-1) ?? '')
  if (lastWidth + width(tail) > Math.max(room, Math.max(...lines.map(width)))) lines.push('')
  const block = Math.min(columns - 2, Math.max(...lines.map(width), width(lines.at(-1) ?? '') + width(tail)))
  const margin = own ? columns - block - 1 : 1
  return lines.map((line, index) => {
    if (index < lines.length - 1) return indent(line, margin)
    const gap = own ? ' '.repeat(Math.max(0, block - width(line) - width(tail))) : ''
    return indent(`${line}${gap}${style(tailStyle(message), truncate(tail, columns - 1))}`, margin)
  })
}

function tailStyle(message: Message): Style {
  if (message.direction === 'in') return 'dim'
  if (message.status === 'read' || message.status === 'played') return 'cyanBright'
  return message.status === 'failed' || message.status === 'expired' ? 'red' : 'dim'
}
