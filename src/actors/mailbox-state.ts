import { envelopeBytes, isTracked } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { MessageId } from '../shared/ids.ts'
import { NO_INCARNATION } from './batch.ts'
import type { Batch, NotTaken, Outcome } from './batch.ts'
import { InFlight, Owed } from './in-flight.ts'
import type { PendingAppend } from './in-flight.ts'

/**
 * The mailbox of one connected device: what to deliver, append, read, remove and answer, and when. Pure: it gets inputs
 * by its methods and hands effects to {@link MailboxEffects}; it knows no clock, socket, journal or bus.
 *
 * - `starting`: the session takes over and subscribes; only `start` leaves it
 * - `backfill`: the stored envelopes come first, read in pages; what arrives meanwhile is appended behind them
 * - `live`: envelopes go to the device as they arrive
 * - `behind`: back to the rows, because the window was full or a row turned up; as `backfill`, but not the first time
 * - `closed`: nothing is taken any more
 *
 * Cutover to `live` needs a read that returned every row, with no reason to read again since it began, and no append of
 * an undelivered envelope under way: otherwise something stored would be overtaken by what comes next.
 */
export type Phase = 'starting' | 'backfill' | 'behind' | 'live' | 'closed'

export interface MailboxLimits {
  /** Delivered and not acknowledged, at most. */
  readonly windowEnvelopes: number
  readonly windowBytes: number
  /** In flight, acknowledged ones included, at most: bounds memory while receipts find no way. */
  readonly inFlightEnvelopes: number
}

/** What to read: the first `limit` rows, up to `bytes` of payload, without those of `exclude`. */
export interface RowQuery {
  readonly limit: number
  readonly bytes: number
  readonly exclude: readonly MessageId[]
  /** Ask for `highest` and `pending` too. */
  readonly first: boolean
}

export interface Rows {
  /** In the order of their message ids. */
  readonly rows: readonly Envelope[]
  /** There were no more. */
  readonly complete: boolean
  /** The highest message id of the mailbox, in the answer to a first query of a mailbox that is not empty. */
  readonly highest?: MessageId
}

/** None of them calls the mailbox back before it returns. */
export interface MailboxEffects {
  /** Hands an envelope to the device. `live`: as it arrived, and not from its row. */
  deliver(seq: number, envelope: Envelope, live: boolean): void
  caughtUp(): void
  /**
   * Hands an envelope to the journal; `committed` or `failed` follows for what is in flight, `settled` for what is owed.
   * Undefined: the journal has no room.
   */
  append(envelope: Envelope, item: InFlight | Owed): PendingAppend | undefined
  /** Why the mailbox may hold no such envelope beyond its window now; undefined: it may. */
  whyNoRoom(envelope: Envelope): NotTaken | undefined
  /** Takes an append back, if nothing of it can have reached PostgreSQL. */
  strike(append: PendingAppend): boolean
  /** Reads rows; `rowsRead` follows. */
  read(query: RowQuery): void
  /** Tells the sender what became of an envelope; `receiptAccepted` follows, however late. */
  receipt(item: InFlight): void
  /** Deletes the row; `removed` follows. */
  remove(item: InFlight): void
}

/** A batch that waits in memory, from the index on, until rows have been read. */
interface Held {
  readonly batch: Batch
  readonly from: number
  /** A read that began after it arrived is under way. */
  ripe: boolean
}

/** Of every mailbox until it delivers: an idle device should cost little. */
const NONE_IN_FLIGHT = new Map<MessageId, InFlight>()

export class MailboxState {
  readonly incarnation: string
  phase: Phase = 'starting'

  readonly #limits: MailboxLimits
  readonly #effects: MailboxEffects
  /** Delivered and not removed yet, by message id. */
  #inFlight = NONE_IN_FLIGHT
  /** The unacknowledged ones among them: a list in the order of their seq. */
  #oldest: InFlight | undefined
  #newest: InFlight | undefined
  #unacknowledged = 0
  #windowBytes = 0
  #seq = 0
  #reading = false
  #readAgain = false
  /** Appends under way of envelopes that were not delivered. */
  #owed = 0
  #held: Held[] | undefined
  #caughtUp = false
  /** The highest row of the first read: `caughtUp` waits until no row up to it is undelivered. */
  #backlogEnd: MessageId | undefined

  constructor(incarnation: string, limits: MailboxLimits, effects: MailboxEffects) {
    this.incarnation = incarnation
    this.#limits = limits
    this.#effects = effects
  }

  /** How many envelopes were delivered and not acknowledged. */
  get unacknowledged(): number {
    return this.#unacknowledged
  }

  /** How many envelopes are in flight. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /** The subscription is in force: from here on nothing that is stored elsewhere goes unannounced. */
  start(): void {
    if (this.phase !== 'starting') return
    this.phase = 'backfill'
    this.#startRead()
  }

  /** Envelopes arrive from a sender, or its receipts. */
  arrive(batch: Batch): void {
    const known = batch.incarnation === undefined || batch.incarnation === this.incarnation
    this.#take(batch, 0, known)
  }

  /** The device has stored everything up to this delivery. False: it was never delivered, and nothing is changed. */
  acknowledge(upTo: number): boolean {
    if (upTo > this.#seq) return false
    for (let item = this.#oldest; item !== undefined && item.seq <= upTo; item = this.#oldest) {
      this.#oldest = item.next
      item.next = undefined
      this.#unacknowledged--
      this.#windowBytes -= envelopeBytes(item.envelope)
      this.#acknowledged(item)
    }
    if (this.#oldest === undefined) this.#newest = undefined
    this.#read()
    return true
  }

  /** The journal has committed the append of a delivered envelope. */
  committed(item: InFlight): void {
    item.append = undefined
    if (item.committed) return
    item.committed = true
    item.answer('accepted', this.incarnation)
    if (item.acknowledged && this.phase !== 'closed') this.#finish(item)
  }

  /** The journal could not append a delivered envelope, and surely has not. */
  failed(item: InFlight): void {
    item.append = undefined
    if (item.committed) return
    item.answer('refused', this.incarnation)
    if (item.acknowledged) this.#inFlight.delete(item.envelope.messageId)
  }

  /** The journal is done with an append of an undelivered envelope: it is a row now, or was refused. */
  settled(item: Owed, outcome: 'accepted' | 'refused'): void {
    this.#owed--
    item.batch.answer(item.index, outcome, this.incarnation)
    this.#read()
  }

  /** The sender's mailbox has the receipt: only now may the row go. */
  receiptAccepted(item: InFlight): void {
    this.#effects.remove(item)
  }

  /** The row is gone. */
  removed(item: InFlight): void {
    this.#inFlight.delete(item.envelope.messageId)
    this.#read()
  }

  /** Somebody says that there are rows which this actor may not know of. */
  wake(): void {
    if (this.phase === 'live') this.phase = 'behind'
    this.#read()
  }

  /** The rows of a query; those that expire before `over` (ms since 1970) are ended, and the others delivered. */
  rowsRead(result: Rows, over: number): void {
    if (this.phase === 'closed') return
    this.#reading = false
    if (!this.#caughtUp) this.#backlogEnd ??= result.highest
    const all = this.#deliverRows(result, over)
    if (!all && this.phase === 'live') this.phase = 'behind'
    if (this.#readAgain) {
      this.#readAgain = false
      this.#read()
    } else if (all && this.#owed === 0) {
      this.phase = 'live'
    }
    this.#releaseHeld()
  }

  /**
   * Ends it. What is not surely stored is refused, what was held is somebody else's now; appends under way still
   * answer their senders.
   */
  close(): void {
    if (this.phase === 'closed') return
    this.phase = 'closed'
    for (const item of this.#inFlight.values()) {
      if (!item.committed && item.append === undefined) item.answer('refused', this.incarnation)
    }
    const held = this.#held ?? []
    this.#held = undefined
    for (const { batch, from } of held) refuseFrom(batch, from, 'notHere')
  }

  #take(batch: Batch, from: number, checked: boolean): void {
    if (this.phase === 'closed') return refuseFrom(batch, from, 'notHere')
    let refused: NotTaken | undefined
    for (let i = from; i < batch.envelopes.length; i++) {
      const envelope = batch.envelopes[i]!
      const known = this.#inFlight.get(envelope.messageId)
      if (known !== undefined) {
        if (known.committed) batch.answer(i, 'accepted', this.incarnation)
        else known.await(batch, i)
      } else if (this.phase === 'live' && !checked) {
        return this.#hold(batch, i)
      } else if (this.phase === 'live' && this.#hasRoom()) {
        const item = this.#deliver(envelope, true)
        item.await(batch, i)
        // After a refused append nothing of the batch is appended: the device may have it, by its acknowledgement only.
        if (refused === undefined) item.append = this.#effects.append(envelope, item)
        if (item.append === undefined) refused ??= 'refused'
      } else {
        if (this.phase === 'live') this.phase = 'behind'
        refused ??= this.#appendOnly(envelope, batch, i)
        if (refused !== undefined) batch.answer(i, refused, this.incarnation)
        else this.#read()
      }
    }
  }

  /** Undelivered envelopes are bounded by the mailbox's room: those that were delivered by the window. */
  #appendOnly(envelope: Envelope, batch: Batch, index: number): NotTaken | undefined {
    const reason = this.#effects.whyNoRoom(envelope)
    if (reason !== undefined) return reason
    if (this.#effects.append(envelope, new Owed(batch, index)) === undefined) return 'refused'
    this.#owed++
    return undefined
  }

  #deliver(envelope: Envelope, live: boolean): InFlight {
    const item = new InFlight(envelope, ++this.#seq)
    this.#keep(item)
    if (this.#newest === undefined) this.#oldest = item
    else this.#newest.next = item
    this.#newest = item
    this.#unacknowledged++
    this.#windowBytes += envelopeBytes(envelope)
    this.#effects.deliver(item.seq, envelope, live)
    return item
  }

  #acknowledged(item: InFlight): void {
    item.acknowledged = true
    if (item.committed) return this.#finish(item)
    const neverStored = item.append === undefined || this.#effects.strike(item.append)
    // From here on the answer says "delivered", whatever becomes of an insert that is under way.
    item.answer('delivered', this.incarnation)
    if (neverStored) this.#inFlight.delete(item.envelope.messageId)
  }

  /** The device is done with an envelope that has a row. */
  #finish(item: InFlight): void {
    if (isTracked(item.envelope)) this.#effects.receipt(item)
    else this.#effects.remove(item)
  }

  #deliverRows(result: Rows, over: number): boolean {
    let all = result.complete
    let last: MessageId | undefined
    for (const row of result.rows) {
      const known = this.#inFlight.get(row.messageId)
      if (known !== undefined) {
        this.#rowSeen(known)
      } else if (row.expiresAt < over) {
        this.#expire(row)
      } else if (this.#hasRoom()) {
        this.#deliver(row, false).committed = true
      } else {
        all = false
        break
      }
      last = row.messageId
    }
    const backlogDone = this.#backlogEnd === undefined ? all : last !== undefined && last >= this.#backlogEnd
    if (!this.#caughtUp && (all || backlogDone)) {
      this.#caughtUp = true
      this.#effects.caughtUp()
    }
    return all
  }

  /** Somebody else has inserted the row of a delivered envelope: it is stored, and its sender is told by a receipt. */
  #rowSeen(item: InFlight): void {
    if (item.committed) return
    if (item.append !== undefined && this.#effects.strike(item.append)) item.append = undefined
    item.committed = true
    item.answer('accepted', this.incarnation)
    if (item.acknowledged) this.#finish(item)
  }

  #expire(row: Envelope): void {
    const item = new InFlight(row, 0)
    item.committed = true
    item.acknowledged = true
    this.#keep(item)
    this.#finish(item)
  }

  #keep(item: InFlight): void {
    if (this.#inFlight === NONE_IN_FLIGHT) this.#inFlight = new Map()
    this.#inFlight.set(item.envelope.messageId, item)
  }

  #hasRoom(): boolean {
    return (
      this.#unacknowledged < this.#limits.windowEnvelopes &&
      this.#windowBytes < this.#limits.windowBytes &&
      this.#inFlight.size < this.#limits.inFlightEnvelopes
    )
  }

  #read(): void {
    if (this.phase !== 'backfill' && this.phase !== 'behind') return
    if (this.#reading) this.#readAgain = true
    else if (this.#hasRoom()) this.#startRead()
  }

  #startRead(): void {
    this.#reading = true
    for (const held of this.#held ?? []) held.ripe = true
    const exclude: MessageId[] = []
    for (const item of this.#inFlight.values()) if (item.committed) exclude.push(item.envelope.messageId)
    const room = Math.max(1, this.#limits.windowEnvelopes - this.#unacknowledged)
    this.#effects.read({
      limit: room + this.#inFlight.size - exclude.length,
      bytes: Math.max(1, this.#limits.windowBytes - this.#windowBytes),
      exclude,
      first: !this.#caughtUp && this.#backlogEnd === undefined,
    })
  }

  #hold(batch: Batch, from: number): void {
    this.#held ??= []
    if (this.#held.length >= this.#limits.windowEnvelopes) return refuseFrom(batch, from, 'refused')
    this.#held.push({ batch, from, ripe: false })
    if (!this.#reading) this.#startRead()
  }

  #releaseHeld(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    const unripe = held.filter(({ ripe }) => !ripe)
    for (const { batch, from, ripe } of held) if (ripe) this.#take(batch, from, true)
    if (unripe.length === 0) return
    this.#held = unripe
    if (!this.#reading) this.#startRead()
  }
}

function refuseFrom(batch: Batch, from: number, outcome: Outcome): void {
  for (let i = from; i < batch.envelopes.length; i++) batch.answer(i, outcome, NO_INCARNATION)
}
