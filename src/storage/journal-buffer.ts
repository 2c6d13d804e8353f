import { envelopeBytes, isReceipt } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, MessageId } from '../shared/ids.ts'
import { AppendLane } from './append-lane.ts'
import type { FlushRoom } from './append-lane.ts'
import { Append, Delete } from './journal-op.ts'
import type { AppendListener, DeleteListener } from './journal-op.ts'

/**
 * What waits to be written to the mailboxes of one database, and when. Pure: time comes in as an argument, and
 * `journal.ts` carries out the flushes.
 *
 * Three lanes: messages go with the next flush; receipts may wait, since nobody waits for them and an acknowledgement
 * meanwhile saves both their insert and their delete; deletes wait a little for others to share a flush with. A receipt
 * for a device that is away goes with the messages.
 */
export interface JournalLimits {
  /** Of appends that wait or are being written. */
  readonly bufferBytes: number
  readonly receiptDelayMs: number
  readonly deleteDelayMs: number
}

/** What one statement writes. `barriers` are told after it. */
export interface Flush {
  readonly appends: readonly Append[]
  readonly deletes: readonly Delete[]
  readonly barriers: readonly (() => void)[]
}

export class JournalBuffer {
  readonly #limits: JournalLimits
  readonly #messages = new AppendLane()
  readonly #receipts = new AppendLane()
  #deletes: Delete[] = []
  #barriers: (() => void)[] = []
  #bytes = 0

  constructor(limits: JournalLimits) {
    this.#limits = limits
  }

  /** Bytes of appends that wait or are being written. */
  get bytes(): number {
    return this.#bytes
  }

  /** Since when the oldest message waits; undefined: none does. */
  get oldestMessageAt(): number | undefined {
    return this.#messages.first()?.bufferedAt
  }

  /**
   * Takes an append; undefined when there is no room.
   * @param hurried nobody can acknowledge it meanwhile, so that a receipt need not wait for that
   */
  append<Item>(
    envelope: Envelope,
    now: number,
    listener: AppendListener<Item>,
    item: Item,
    hurried = false,
  ): Append | undefined {
    const bytes = envelopeBytes(envelope)
    if (this.#bytes + bytes > this.#limits.bufferBytes) return undefined
    this.#bytes += bytes
    const patient = !hurried && isReceipt(envelope.kind)
    const append = new Append(envelope, now, patient, listener as AppendListener<unknown>, item)
    this.#lane(append).push(append)
    return append
  }

  /** Takes an append back. False: it is being written, or was. */
  strike(append: Append): boolean {
    if (append.state !== 'buffered') return false
    append.state = 'done'
    this.#bytes -= envelopeBytes(append.envelope)
    this.#lane(append).struck(append)
    return true
  }

  delete<Item>(to: Address, messageId: MessageId, now: number, listener: DeleteListener<Item>, item: Item): void {
    this.#deletes.push(new Delete(to, messageId, now, listener as DeleteListener<unknown>, item))
  }

  /** Calls back when all that is buffered now, and all that is being written, is written. */
  barrier(done: () => void): void {
    this.#barriers.push(done)
  }

  /** When the next flush is due, in ms of the same clock; undefined: nothing waits. */
  dueAt(): number | undefined {
    if (this.#barriers.length > 0) return 0
    const message = this.#messages.first()
    if (message !== undefined) return message.bufferedAt
    const receipt = this.#receipts.first()
    const row = this.#deletes[0]
    const receiptAt = receipt === undefined ? Infinity : receipt.bufferedAt + this.#limits.receiptDelayMs
    const deleteAt = row === undefined ? Infinity : row.bufferedAt + this.#limits.deleteDelayMs
    const due = Math.min(receiptAt, deleteAt)
    return due === Infinity ? undefined : due
  }

  /**
   * Takes out what the next statement writes: messages and receipts until `rows` or `bytes` of each, so that neither waits
   * for ever behind the other, and as many rows to delete; everything when somebody waits for a barrier.
   */
  take(now: number, { rows, bytes }: Readonly<FlushRoom>): Flush {
    const barriers = this.#barriers
    this.#barriers = []
    const room = barriers.length > 0 ? { rows: Infinity, bytes: Infinity } : { rows, bytes }
    const receiptsUpTo = barriers.length > 0 ? Infinity : now - this.#limits.receiptDelayMs
    const appends: Append[] = []
    this.#messages.take(appends, { ...room }, Infinity)
    this.#receipts.take(appends, { ...room }, receiptsUpTo)
    return { appends, deletes: this.#deletes.splice(0, room.rows), barriers }
  }

  /** An append of a flush is in PostgreSQL, or surely not. */
  settle(append: Append, outcome: 'appended' | 'notAppended'): void {
    this.#bytes -= envelopeBytes(append.envelope)
    append.settle(outcome)
  }

  /**
   * Refuses all appends that wait: if only some were, a later one of the same sender might be written after all.
   * Those being written are not touched.
   */
  giveUp(): void {
    const waiting: Append[] = []
    this.#messages.extract(waiting, () => true)
    this.#receipts.extract(waiting, () => true)
    for (const append of waiting) this.settle(append, 'notAppended')
  }

  /** Refuses those appends that wait for mailboxes which are not here any more. */
  giveUpFor(isGone: (to: Address) => boolean): void {
    const gone: Append[] = []
    const isForGone = ({ envelope }: Append): boolean => isGone(envelope.to)
    this.#messages.extract(gone, isForGone)
    this.#receipts.extract(gone, isForGone)
    for (const append of gone) this.settle(append, 'notAppended')
  }

  #lane(append: Append): AppendLane {
    return append.patient ? this.#receipts : this.#messages
  }
}
