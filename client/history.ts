import type { Chat, IncomingMessage, Message, OutgoingMessage } from './message.ts'
import { orderAt } from './chat-order.ts'
import { advance } from './receipts.ts'
import type { Status } from './receipts.ts'
import { decodeRecord, encodeChat, encodeRecord, keys, prefixes } from './records.ts'
import type { Transaction } from './store.ts'

/** Puts an outgoing message into its chat, at its place or the next free one; returns it as it stands there. */
export async function addOutgoing(transaction: Transaction, added: OutgoingMessage): Promise<OutgoingMessage> {
  const message = await place(transaction, added)
  transaction.put(keys.sent(message.chat, message.id), encodeRecord({ order: message.order }))
  const chat = await readChat(transaction, message.chat)
  transaction.put(keys.chat(message.chat), encodeChat({ ...chat, lastAt: Math.max(chat.lastAt, message.sentAt) }))
  return message
}

/** Puts an incoming message into its chat, at its place or the next free one; returns it as it stands there. */
export async function addIncoming(transaction: Transaction, added: IncomingMessage): Promise<IncomingMessage> {
  const message = await place(transaction, added)
  const chat = await readChat(transaction, message.chat)
  const unread = chat.unread + (message.read ? 0 : 1)
  const lastAt = Math.max(chat.lastAt, message.sentAt)
  transaction.put(keys.chat(message.chat), encodeChat({ ...chat, unread, lastAt }))
  return message
}

/** An incoming message by its place; undefined: it is none. */
export async function findIncoming(
  transaction: Transaction,
  chat: number,
  order: number,
): Promise<IncomingMessage | undefined> {
  const message = (await readMessage(transaction, chat, order))?.message
  return message?.direction === 'in' ? message : undefined
}

/** Puts what a message shows in the place of what it showed before. */
export function replaceMessage(transaction: Transaction, message: Message, raw?: Uint8Array): void {
  putMessage(transaction, message, raw)
}

/** What became known of an outgoing message. */
export interface OutgoingNews {
  readonly status: Status
  readonly devices?: readonly number[]
  /** The server's clock when it accepted the message. */
  readonly at?: number
  /** Its place in the chat, which it has now. */
  readonly order?: number
  readonly error?: string
}

/** How far an outgoing message has come. */
export async function findOutgoing(
  transaction: Transaction,
  chat: number,
  id: string,
): Promise<OutgoingMessage | undefined> {
  const found = decodeRecord<{ order: number }>(await transaction.get(keys.sent(chat, id)))
  if (found === undefined) return undefined
  const record = await readMessage(transaction, chat, found.json.order)
  return record?.message.direction === 'out' ? record.message : undefined
}

/** Moves an outgoing message forward; undefined when there is no such message or this was known. */
export async function advanceOutgoing(
  transaction: Transaction,
  chat: number,
  id: string,
  news: OutgoingNews,
): Promise<OutgoingMessage | undefined> {
  const message = await findOutgoing(transaction, chat, id)
  if (message === undefined) return undefined
  const { error: _, ...known } = message
  const status = advance(known.status, news.status)
  const deliveredTo = [...new Set([...known.deliveredTo, ...(news.devices ?? [])])]
  if (status === known.status && deliveredTo.length === known.deliveredTo.length && news.at === undefined)
    return undefined
  const moving = news.order ?? (status === 'failed' ? orderAt(known.sentAt) : undefined)
  const moved: OutgoingMessage = {
    ...known,
    status,
    deliveredTo,
    sentAt: news.at ?? known.sentAt,
    ...(status === 'failed' && news.error !== undefined ? { error: news.error } : {}),
  }
  const summary = await readChat(transaction, chat)
  // It is the last one of its chat, which stands where the server saw it.
  if (summary.lastAt === known.sentAt && moved.sentAt !== known.sentAt)
    transaction.put(keys.chat(chat), encodeChat({ ...summary, lastAt: moved.sentAt }))
  return moving === undefined ? replaced(transaction, moved) : move(transaction, moved, moving)
}

/** Takes a message that the server will never take, or that has expired, back to its beginning, at this place. */
export function restartOutgoing(
  transaction: Transaction,
  message: OutgoingMessage,
  order: number,
): Promise<OutgoingMessage> {
  const { error: _, ...known } = message
  return move(transaction, { ...known, status: 'waiting' }, order)
}

/** Marks messages as seen; returns those that were not. */
export async function markSeen(
  transaction: Transaction,
  messages: readonly IncomingMessage[],
): Promise<readonly IncomingMessage[]> {
  const marked: IncomingMessage[] = []
  for (const { chat, order } of messages) {
    const record = await readMessage(transaction, chat, order)
    if (record === undefined || record.message.direction !== 'in' || record.message.read) continue
    const message: IncomingMessage = { ...record.message, read: true }
    putMessage(transaction, message, record.raw)
    marked.push(message)
    const summary = await readChat(transaction, chat)
    transaction.put(keys.chat(chat), encodeChat({ ...summary, unread: Math.max(0, summary.unread - 1) }))
  }
  return marked
}

/** The unread messages of a chat, oldest first, at most `limit` of the newest. */
export async function readUnread(
  transaction: Transaction,
  user: number,
  limit: number,
): Promise<readonly IncomingMessage[]> {
  const { unread } = await readChat(transaction, user)
  const found: IncomingMessage[] = []
  let before: number | undefined
  while (found.length < Math.min(unread, limit)) {
    const page = await readHistory(transaction, user, 200, before)
    for (const message of page.toReversed()) if (message.direction === 'in' && !message.read) found.push(message)
    before = page[0]?.order
    if (before === undefined) break
  }
  return found.slice(0, limit).toReversed()
}

/** The last messages of a chat (those before the order `before`), oldest first. */
export async function readHistory(
  transaction: Transaction,
  user: number,
  limit: number,
  before?: number,
): Promise<readonly Message[]> {
  const records = await transaction.scan({
    prefix: prefixes.history(user),
    ...(before === undefined ? {} : { before: keys.history(user, before) }),
    reverse: true,
    limit,
  })
  return records.flatMap(({ value }) => decodeRecord<Message>(value)?.json ?? []).toReversed()
}

/** All chats, the one with the newest message first. */
export async function readChats(transaction: Transaction): Promise<readonly Chat[]> {
  const records = await transaction.scan({ prefix: prefixes.chat, limit: 100_000 })
  return records.flatMap(({ value }) => decodeRecord<Chat>(value)?.json ?? []).sort((a, b) => b.lastAt - a.lastAt)
}

async function readChat(transaction: Transaction, user: number): Promise<Chat> {
  return decodeRecord<Chat>(await transaction.get(keys.chat(user)))?.json ?? { user, unread: 0, lastAt: 0 }
}

/** Puts a message at its place, or at the next one that is free. */
async function place<M extends Message>(transaction: Transaction, message: M): Promise<M> {
  let { order } = message
  while ((await transaction.get(keys.history(message.chat, order))) !== undefined) order += 1
  const placed = { ...message, order }
  putMessage(transaction, placed)
  return placed
}

/** Puts an outgoing message at another place. */
async function move(transaction: Transaction, message: OutgoingMessage, order: number): Promise<OutgoingMessage> {
  transaction.delete(keys.history(message.chat, message.order))
  const moved = await place(transaction, { ...message, order })
  transaction.put(keys.sent(moved.chat, moved.id), encodeRecord({ order: moved.order }))
  return moved
}

function replaced(transaction: Transaction, message: OutgoingMessage): OutgoingMessage {
  putMessage(transaction, message)
  return message
}

function putMessage(transaction: Transaction, message: Message, raw?: Uint8Array): void {
  transaction.put(keys.history(message.chat, message.order), encodeRecord(message, raw))
}

async function readMessage(
  transaction: Transaction,
  user: number,
  order: number,
): Promise<{ message: Message; raw: Uint8Array } | undefined> {
  const record = decodeRecord<Message>(await transaction.get(keys.history(user, order)))
  return record === undefined ? undefined : { message: record.json, raw: record.raw }
}
