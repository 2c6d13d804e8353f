import { Kind } from '../proto/frames.ts'
import { MAX_ABOUT } from '../proto/limits.ts'
import { newClientId } from './client-id.ts'
import type { DeviceState } from './device-state.ts'
import type { IncomingMessage } from './message.ts'
import type { OutboxEntry } from './outbox-entry.ts'
import { keys, prefixes } from './records.ts'
import type { Transaction } from './store.ts'

/**
 * READ receipts on their way to the authors. To each author one is under way at a time, and what is read meanwhile goes
 * into the next: a fast reader costs few envelopes. What is stored are the ids, so each start makes a receipt of its own.
 */
export class ReadReports {
  readonly #device: DeviceState
  readonly #waiting = new Map<number, string[]>()
  readonly #underWay = new Set<number>()

  constructor(device: DeviceState) {
    this.#device = device
  }

  /** Takes up what an earlier run of the client left unreported. */
  async load(transaction: Transaction): Promise<void> {
    for (const { key } of await transaction.scan({ prefix: prefixes.unreported, limit: 1_000_000 })) {
      const [, user = '', id = ''] = key.split('/')
      this.#wait(Number(user), [id])
    }
  }

  /** Stores that messages are to be reported; {@link add} them once the transaction has succeeded. */
  write(transaction: Transaction, messages: readonly IncomingMessage[]): void {
    for (const { chat, id } of messages) transaction.put(keys.unreported(chat, id), new Uint8Array(0))
  }

  add(messages: readonly IncomingMessage[]): void {
    for (const { chat, id } of messages) this.#wait(chat, [id])
  }

  /** The receipts that can go now. */
  take(): OutboxEntry[] {
    const entries: OutboxEntry[] = []
    for (const [to, ids] of this.#waiting) {
      if (this.#underWay.has(to)) continue
      this.#underWay.add(to)
      const about = ids.splice(0, MAX_ABOUT)
      if (ids.length === 0) this.#waiting.delete(to)
      const order = this.#device.takeOrder()
      entries.push({
        id: newClientId(),
        order,
        to,
        kind: Kind.READ,
        content: new Uint8Array(0),
        about,
        copies: [],
        sealed: true,
      })
    }
    return entries
  }

  /** The server has taken a receipt, or never will: its author hears of the next ones. */
  finish(transaction: Transaction, { to, about }: OutboxEntry): void {
    for (const id of about) transaction.delete(keys.unreported(to, id))
  }

  /** The next receipt to this author may go. */
  finished(to: number): void {
    this.#underWay.delete(to)
  }

  #wait(user: number, ids: readonly string[]): void {
    const waiting = this.#waiting.get(user)
    if (waiting === undefined) this.#waiting.set(user, [...ids])
    else waiting.push(...ids)
  }
}
