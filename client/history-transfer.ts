import type { ArchivedMessage } from '../proto/content.ts'
import { Arrival } from './arrival.ts'
import { hasPassed } from './clock.ts'
import type { Clock } from './clock.ts'
import { encodeContent } from './content.ts'
import { readChats, readHistory } from './history.ts'
import type { Ledger } from './ledger.ts'
import type { Message } from './message.ts'
import { numberOf } from './receipts.ts'
import { decodeRecord, encodeRecord, keys, prefixes } from './records.ts'
import { readVerified } from './secrecy/peer.ts'
import type { Secrecy } from './secrecy/secrecy.ts'
import { comparedSync } from './secrecy/trust-sync.ts'
import type { Units } from './secrecy/units.ts'
import type { Transaction } from './store.ts'

/** What a newly linked device gets of what was before, the newest of it. */
const MAX_MESSAGES = 10_000
const MAX_BYTES = 8 * 1024 * 1024
/** Of a page: it must fit an envelope. */
const PAGE_BYTES = 48 * 1024
const PAGE_MESSAGES = 500
const MAX_DEVICES = 8
const ASK_AGAIN_MS = 2_000
/** A device that has not claimed its place for so long never will. */
const GIVE_UP_MS = 10 * 60 * 1000

interface Owed {
  readonly since: number
}

export interface HistoryTransferParts {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly secrecy: Secrecy
  arrived(arrival: Arrival): void
}

/**
 * Sends the history of this device to a newly linked one of the user, page by page, through its mailbox: encrypted, in
 * order, and safe against whatever fails on the way. That it is owed is stored until the device has keys to encrypt for.
 */
export class HistoryTransfer {
  readonly #parts: HistoryTransferParts
  #cancel: () => void = () => {}

  constructor(parts: HistoryTransferParts) {
    this.#parts = parts
  }

  /** To a device that is about to claim its place. */
  owe(device: number): void {
    const { ledger, clock } = this.#parts
    ledger.record({
      apply: async (transaction) =>
        transaction.put(keys.historyFor(device), encodeRecord({ since: clock.now() } satisfies Owed)),
      done: () => this.connected(),
      failed: () => {},
    })
  }

  /** Sends what is owed. */
  connected(): void {
    this.#parts.ledger.record({
      apply: (transaction) => transaction.scan({ prefix: prefixes.historyFor, limit: MAX_DEVICES }),
      done: (owed) => {
        for (const { key, value } of owed) void this.#send(key, decodeRecord<Owed>(value)?.json.since ?? 0)
      },
      failed: () => {},
    })
  }

  close(): void {
    this.#cancel()
  }

  async #send(key: string, since: number): Promise<void> {
    const { secrecy, clock } = this.#parts
    const { address } = secrecy.ownKeys.current
    const device = Number(key.slice(prefixes.historyFor.length))
    const keyless = await secrecy.fetchSessions(address.user, [device]).catch(() => [device])
    if (keyless.length === 0) return this.#write(key, device)
    if (hasPassed(since, GIVE_UP_MS, clock.now())) return this.#forget(key)
    this.#cancel()
    this.#cancel = clock.setTimer(() => this.connected(), ASK_AGAIN_MS)
  }

  #write(key: string, device: number): void {
    const { ledger, secrecy, arrived } = this.#parts
    ledger.record({
      apply: async (transaction) => {
        const arrival = new Arrival()
        // Another round may have sent it meanwhile.
        if ((await transaction.get(key)) === undefined) return arrival
        transaction.delete(key)
        await sendHistory(transaction, secrecy.units, secrecy.ownKeys.current.address, device, arrival)
        return arrival
      },
      done: arrived,
      failed: () => {},
    })
  }

  #forget(key: string): void {
    this.#parts.ledger.record({
      apply: async (transaction) => transaction.delete(key),
      done: () => {},
      failed: () => {},
    })
  }
}

async function sendHistory(
  transaction: Transaction,
  units: Units,
  own: { readonly user: number; readonly device: number },
  to: number,
  arrival: Arrival,
): Promise<void> {
  const messages = await collect(transaction, own)
  const address = { user: own.user, device: to }
  for (const peer of await readVerified(transaction)) units.sendTo(transaction, address, comparedSync(peer), arrival)
  let page: ArchivedMessage[] = []
  let pageBytes = 0
  for (const message of messages) {
    const bytes = message.content.length + 32
    if (page.length >= PAGE_MESSAGES || (page.length > 0 && pageBytes + bytes > PAGE_BYTES)) {
      units.sendTo(transaction, address, { type: 'archive', messages: page, last: false }, arrival)
      page = []
      pageBytes = 0
    }
    page.push(message)
    pageBytes += bytes
  }
  units.sendTo(transaction, address, { type: 'archive', messages: page, last: true }, arrival)
}

/** The newest messages of all chats, oldest first in each. */
async function collect(
  transaction: Transaction,
  own: { readonly user: number; readonly device: number },
): Promise<readonly ArchivedMessage[]> {
  const found: ArchivedMessage[] = []
  let bytes = 0
  for (const chat of await readChats(transaction)) {
    const messages = await readHistory(transaction, chat.user, MAX_MESSAGES)
    const pages: ArchivedMessage[] = []
    for (const message of messages.toReversed()) {
      const archived = archive(message, own)
      if (archived === undefined) continue
      bytes += archived.content.length + 32
      if (found.length + pages.length >= MAX_MESSAGES || bytes > MAX_BYTES) return [...found, ...pages.toReversed()]
      pages.push(archived)
    }
    found.push(...pages.toReversed())
  }
  return found
}

/** undefined: it shows nothing that another device could show. */
function archive(
  message: Message,
  own: { readonly user: number; readonly device: number },
): ArchivedMessage | undefined {
  const { body, id, chat, sentAt } = message
  if (body.type !== 'text' && body.type !== 'location' && body.type !== 'contact') return undefined
  // What waits here is told of with its ✓; what failed here was never sent.
  if (message.direction === 'out' && numberOf(message.status) === 0) return undefined
  const from =
    message.direction === 'out'
      ? { user: own.user, device: message.device ?? own.device }
      : { user: chat, device: message.device }
  const recipient = message.direction === 'out' ? chat : own.user
  const content = encodeContent({ id, sentAtMs: sentAt, chat: { type: 'user', user: recipient }, body })
  const state =
    message.direction === 'out'
      ? { read: true, status: numberOf(message.status), deliveredTo: message.deliveredTo }
      : { read: message.read, status: 0, deliveredTo: [] }
  return { chat, ...from, sentAt, order: message.order, ...state, content }
}
