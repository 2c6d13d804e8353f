import { ChatLines, renderNote, renderNotes } from './chat-lines.ts'
import { notesOf } from './notes.ts'
import { countListLines, renderList } from './chat-list.ts'
import { renderInput } from './input-row.ts'
import type { Model } from './model.ts'
import { renderPage } from './page.ts'
import { oneLine, spread, style, truncate } from './text.ts'
import { lastSeen } from './times.ts'
import { bodySize, bottomOf, isChat } from './view.ts'
import { blockedText, connectionText, hostedText, stopText } from './words.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Screen {
  /** As many as there are rows, less the input line. */
  readonly lines: readonly string[]
  /** The last row: the cursor stands between the two parts. */
  readonly input: { readonly before: string; readonly after: string }
}

interface Body {
  readonly lines: readonly string[]
  /** What is below; '': nothing. */
  readonly below: string
}

/**
 * What the terminal shows. Pure: the same model gives the same screen. Only what is in sight is laid out, so it costs the
 * same however much there is.
 *
 * @param now - ms since 1970
 * @param monotonic - ms of `performance.now()`
 */
export function renderScreen(model: Model, size: Size, now: number, monotonic: number): Screen {
  const { columns, rows } = bodySize(size)
  const { lines: shown, below } = renderBody(model, { columns, rows }, now)
  const space = Array.from({ length: rows - shown.length }, () => '')
  // Messages stand at the bottom, lists at the top.
  const isAtBottom = model.peer !== undefined && model.page === undefined
  const lines = [
    style('inverse', spread(` ${title(model, now)}`, `${connectionText(model.connection, monotonic)} `, columns)),
    ...(isAtBottom ? [...space, ...shown] : [...shown, ...space]),
    style('dim', below === '' ? '─'.repeat(columns) : spread('', `↓ ${below}, PgDn `, columns)),
    renderStatus(model, columns),
  ]
  return { lines, input: renderInput(model.input, model.cursor, columns) }
}

function title(model: Model, now: number): string {
  const { self, peer, names } = model
  if (peer === undefined) return `Parley  ${names.fullNameOf(self)}`
  const about = whereabouts(model, now)
  return `${names.fullNameOf(peer)}${badge(model)}${about === '' ? '' : `  ${about}`}`
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
  if (stopped !== undefined) return style('yellow', oneLine(stopped, columns))
  if (model.asks) return style('yellow', truncate('Type y or n and press Enter', columns))
  if (model.notice !== '') return style('yellow', oneLine(model.notice, columns))
  const hint = model.peer === undefined ? '/to +number opens a chat · /help · /quit' : '/chats · /help · /quit'
  const unread = model.chats.filter(({ user }) => user !== model.peer).reduce((sum, one) => sum + one.unread, 0)
  const others = unread === 0 ? '' : `${unread} unread in other chats`
  return style('dim', spread(hint, others, columns))
}

function renderBody(model: Model, { columns, rows }: Size, now: number): Body {
  const { page, peer, chats, names, messages, top } = model
  if (page !== undefined) {
    const lines = renderPage(page, columns)
    const start = Math.max(0, Math.min(top, lines.length - rows))
    return { lines: lines.slice(start, start + rows), below: countText(lines.length - rows - start, 'more line') }
  }
  if (peer === undefined) {
    const start = Math.max(0, Math.min(top, countListLines(chats) - rows))
    const lines = renderList(chats, start, rows, { columns, names, now })
    return { lines, below: countText(Math.ceil((countListLines(chats) - rows - start) / 2), 'more chat') }
  }
  if (!isChat(model)) return { lines: renderEmptyChat(model, columns).slice(-rows), below: '' }
  const chat = new ChatLines(model, columns, now)
  let bottom = bottomOf(model, chat)
  const { missing } = chat.above(bottom, rows - 1)
  if (missing > 0) bottom = chat.below(bottom, missing)
  const newer = messages.length - 1 - bottom.message
  const below = newer > 0 ? countText(newer, 'newer message') : 'more'
  return { lines: chat.upTo(bottom, rows), below: chat.isLast(bottom) ? '' : below }
}

function renderEmptyChat({ peer, keys, names, server }: Model, columns: number): string[] {
  const name = peer === undefined ? '' : names.nameOf(peer)
  return [
    ...(keys?.hosted === true ? renderNote(hostedText(name, server), columns, 'yellow') : []),
    style('dim', truncate('No messages yet: type one and press Enter.', columns)),
    ...(keys === undefined ? [] : renderNotes(notesOf(keys, name), columns)),
    ...(keys !== undefined && isBlocked(keys) ? renderNote(blockedText(name), columns, 'yellow') : []),
  ]
}

function countText(count: number, what: string): string {
  if (count <= 0) return ''
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}
