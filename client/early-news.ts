import type { Status } from './receipts.ts'
import { advance } from './receipts.ts'
import { decodeRecord, encodeRecord, keys, prefixes } from './records.ts'
import type { Transaction } from './store.ts'

/** What was told of a message: all that may come before the message itself. */
export interface News {
  /** An incoming one: it was seen, on another device of the user. */
  readonly read?: boolean
  /** An outgoing one: how far it has come, and who has it. */
  readonly status?: Status
  readonly devices?: readonly number[]
}

interface Stored extends News {
  /** When the first of it came, ms since 1970. */
  readonly at: number
}

/** A mailbox keeps an envelope for 30 days, so after this the message cannot come any more. */
const KEEP_MS = 35 * 24 * 3600 * 1000
const MAX_A_CHAT = 1_000
const MAX_KEPT = 10_000

/**
 * News of messages that this device does not have yet: another device of the user has sent or read them, and what they
 * wait for here has not come. It is kept, one record for each message, until the message comes.
 *
 * At most 1,000 messages of a chat and 10,000 in all are waited for. Past the first, what comes is dropped: that message
 * shows less than is known elsewhere. Past the second, one of the chat that has most makes room, so that nobody can take
 * the room of others.
 */
export class EarlyNews {
  /** How many are kept of each chat. */
  #counts = new Map<number, number>()
  #size = 0

  /** Takes up what an earlier run left. */
  async load(transaction: Transaction): Promise<void> {
    this.#counts = new Map()
    this.#size = 0
    for (const { key } of await transaction.scan({ prefix: prefixes.allEarly, limit: MAX_KEPT })) {
      this.#count(Number(key.split('/')[1]), 1)
    }
  }

  /** @param message - names it within its chat */
  async put(transaction: Transaction, chat: number, message: string, news: News, now: number): Promise<void> {
    const key = keys.early(chat, message)
    const known = decodeRecord<Stored>(await transaction.get(key))?.json
    if (known === undefined) {
      if ((this.#counts.get(chat) ?? 0) >= MAX_A_CHAT) return
      if (this.#size >= MAX_KEPT) await this.#makeRoom(transaction)
      this.#count(chat, 1)
    }
    transaction.put(key, encodeRecord(merge(known ?? { at: now }, news)))
  }

  /** What was told of a message that has come now; undefined: nothing. */
  async take(transaction: Transaction, chat: number, message: string): Promise<News | undefined> {
    const key = keys.early(chat, message)
    const known = decodeRecord<Stored>(await transaction.get(key))?.json
    if (known === undefined) return undefined
    transaction.delete(key)
    this.#count(chat, -1)
    return known
  }

  /** Gives up what has waited too long. */
  async forgetOld(transaction: Transaction, now: number): Promise<void> {
    for (const { key, value } of await transaction.scan({ prefix: prefixes.allEarly, limit: MAX_KEPT })) {
      if (now - (decodeRecord<Stored>(value)?.json.at ?? 0) <= KEEP_MS) continue
      transaction.delete(key)
      this.#count(Number(key.split('/')[1]), -1)
    }
  }

  async #makeRoom(transaction: Transaction): Promise<void> {
    const [largest] = [...this.#counts].sort(([, a], [, b]) => b - a)
    if (largest === undefined) return
    const [chat] = largest
    const [found] = await transaction.scan({ prefix: prefixes.early(chat), limit: 1 })
    if (found !== undefined) transaction.delete(found.key)
    this.#count(chat, -1)
  }

  #count(chat: number, change: number): void {
    const count = (this.#counts.get(chat) ?? 0) + change
    this.#size += change
    if (count > 0) this.#counts.set(chat, count)
    else this.#counts.delete(chat)
  }
}

function merge(known: Stored, { read, status, devices }: News): Stored {
  return {
    ...known,
    ...(read === true ? { read } : {}),
    ...(status === undefined ? {} : { status: advance(known.status ?? 'waiting', status) }),
    ...(devices === undefined ? {} : { devices: [...new Set([...(known.devices ?? []), ...devices])] }),
  }
}
