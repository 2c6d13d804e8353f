import type { Pool } from 'pg'
import type { Clock } from '../shared/clock.ts'
import { isReceipt } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, MessageId, UserId } from '../shared/ids.ts'
import type { JournalBacklog } from '../shared/load.ts'
import { JournalBuffer } from './journal-buffer.ts'
import type { Flush, JournalLimits } from './journal-buffer.ts'
import type { Append, AppendListener, Delete, DeleteListener } from './journal-op.ts'
import { findCollisions, writeRows } from './journal-statements.ts'
import { classifyError } from './pg-error.ts'

export interface JournalOptions extends JournalLimits {
  /** Rows a statement, at most. */
  readonly flushRows: number
  /** Bytes of those: whoever waits for the next flush waits for these. */
  readonly flushBytes: number
  /** Between the starts of two flushes, at least: lets batches form. */
  readonly flushIntervalMs: number
  /** An append that PostgreSQL could not take for so long is refused, and new ones at once. */
  readonly giveUpMs: number
}

export interface JournalEvents {
  flushed(appends: number, deletes: number, ms: number): void
  /** PostgreSQL did not take a flush: it is repeated, split or refused. */
  flushFailed(error: Error): void
  /** Two envelopes under one row key, or a listener that threw: defects. */
  defect(message: string, error?: Error): void
}

/** Which mailboxes the database of a journal holds. */
export interface JournalPlace {
  holds(user: UserId): boolean
  /** Asks again which these are. */
  refresh(): Promise<void>
}

const EVERY_MAILBOX: JournalPlace = { holds: () => true, refresh: () => Promise.resolve() }

const RETRY_MS = { first: 20, most: 1_000 }
/** Some pages of a table, which need room on the disk as those of mailboxes do. */
const ROOM_PROBE = `CREATE TEMP TABLE room ON COMMIT DROP AS SELECT repeat('x', 1000) FROM generate_series(1, 100)`
/** So often a flush is repeated that is refused for moved mailboxes, of which none is known to have moved. */
const MAX_UNEXPLAINED = 5

/**
 * Appends to and deletes from the mailboxes of one database, in group commits: one statement writes all that has
 * gathered, and the next starts when it returns. `appended` is said only when the row is surely committed; a flush
 * whose outcome is unknown is repeated until it is certain, which its row keys make safe.
 */
export class Journal {
  readonly #pool: Pool
  readonly #options: JournalOptions
  /** For spans: nothing here asks what time it is. */
  readonly #monotonic: Clock
  readonly #events: JournalEvents
  readonly #place: JournalPlace
  readonly #buffer: JournalBuffer
  #flushing = false
  #lastFlushAt = 0
  #wakeUp: { at: number; cancel: () => void } | undefined
  #awaySince: number | undefined
  /** The last flush with appends was refused for want of room. */
  #full = false
  /** When the flush under way began. */
  #flushingSince = 0
  #shedding = false
  /** How often the flush under way was refused for mailboxes of which none is known to have moved. */
  #unexplained = 0
  #closed = false

  constructor(
    pool: Pool,
    options: JournalOptions,
    monotonic: Clock,
    events: JournalEvents,
    place: JournalPlace = EVERY_MAILBOX,
  ) {
    this.#pool = pool
    this.#options = options
    this.#monotonic = monotonic
    this.#events = events
    this.#place = place
    this.#buffer = new JournalBuffer(options)
  }

  /** Since when PostgreSQL takes nothing (ms of the monotonic clock); undefined: it does. */
  get awaySince(): number | undefined {
    return this.#awaySince
  }

  /** Whether the mailboxes of this user are in its database, as far as is known. */
  holds(user: UserId): boolean {
    return this.#place.holds(user)
  }

  /** How far it is behind. */
  get backlog(): JournalBacklog {
    const now = this.#monotonic.now()
    const since = Math.min(this.#buffer.oldestMessageAt ?? now, this.#flushing ? this.#flushingSince : now)
    return { ageMs: now - since, bytes: this.#buffer.bytes, away: this.#awaySince !== undefined }
  }

  /**
   * Whether the database has room. After a flush that found none it writes something that goes again at once, since nobody
   * may come whose message would show it.
   */
  async hasRoom(): Promise<boolean> {
    if (!this.#full) return true
    try {
      await this.#pool.query(ROOM_PROBE)
    } catch {
      return false
    }
    this.#full = false
    if (!this.#flushing) this.#awaySince = undefined
    return true
  }

  /** Refuses messages from now on, or takes them again. Receipts are taken while there is room. */
  shed(shedding: boolean): void {
    this.#shedding = shedding
  }

  /**
   * Takes an envelope for its mailbox; undefined when there is no room, PostgreSQL is away or late, or the mailbox moves
   * to another database. The listener hears of it once. `hurried`: nobody can acknowledge it meanwhile.
   */
  append<Item>(envelope: Envelope, listener: AppendListener<Item>, item: Item, hurried = false): Append | undefined {
    const now = this.#monotonic.now()
    if (this.#closed || this.#hasGivenUp(now)) return undefined
    if (this.#shedding && !isReceipt(envelope.kind)) return undefined
    if (!this.#place.holds(envelope.to.user)) return undefined
    const append = this.#buffer.append(envelope, now, listener, item, hurried)
    if (append !== undefined) this.#schedule()
    return append
  }

  /** Takes an append back; false when something of it may have reached PostgreSQL. */
  strike(append: Append): boolean {
    return this.#buffer.strike(append)
  }

  /** Deletes a row; the listener hears of it when it is gone. */
  delete<Item>(to: Address, messageId: MessageId, listener: DeleteListener<Item>, item: Item): void {
    this.#buffer.delete(to, messageId, this.#monotonic.now(), listener, item)
    this.#schedule()
  }

  /** Resolves when all that was asked for before is done. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#buffer.barrier(resolve)
      this.#schedule()
    })
  }

  /** Takes nothing more and stops repeating. What was not committed was not accepted. */
  close(): void {
    this.#closed = true
    this.#wakeUp?.cancel()
    this.#wakeUp = undefined
  }

  /** While a flush is repeated, it will show that PostgreSQL is back; with none under way, the next append has to. */
  #hasGivenUp(now: number): boolean {
    return this.#flushing && this.#awaySince !== undefined && now - this.#awaySince > this.#options.giveUpMs
  }

  #schedule(): void {
    if (this.#flushing || this.#closed) return
    if (this.#wakeUp !== undefined && this.#wakeUp.at <= this.#lastFlushAt + this.#options.flushIntervalMs) return
    const due = this.#buffer.dueAt()
    if (due === undefined) return
    const at = Math.max(due, this.#lastFlushAt + this.#options.flushIntervalMs)
    if (this.#wakeUp !== undefined) {
      if (this.#wakeUp.at <= at) return
      this.#wakeUp.cancel()
    }
    this.#wakeUp = { at, cancel: this.#after(at - this.#monotonic.now()) }
  }

  #after(ms: number): () => void {
    if (ms <= 0) {
      const immediate = setImmediate(this.#run)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(this.#run, ms)
    return () => clearTimeout(timer)
  }

  readonly #run = (): void => {
    this.#wakeUp = undefined
    const now = this.#monotonic.now()
    const due = this.#buffer.dueAt()
    if (due === undefined) return
    if (due > now) return this.#schedule()
    this.#lastFlushAt = now
    this.#flushing = true
    this.#flushingSince = now
    const { flushRows: rows, flushBytes: bytes } = this.#options
    void this.#flush(this.#buffer.take(now, { rows, bytes }))
  }

  async #flush(flush: Flush): Promise<void> {
    const start = performance.now()
    const { appends, deletes } = flush
    this.#unexplained = 0
    if (appends.length + deletes.length > 0) {
      await this.#write(appends, deletes)
      this.#events.flushed(appends.length, deletes.length, performance.now() - start)
    }
    for (const barrier of flush.barriers) barrier()
    this.#flushing = false
    this.#schedule()
  }

  /** Writes until every outcome is certain, and tells it. False: the appends were refused for want of room. */
  async #write(appends: readonly Append[], deletes: readonly Delete[]): Promise<boolean> {
    let room = true
    for (let waitMs = RETRY_MS.first; !this.#closed; waitMs = Math.min(waitMs * 2, RETRY_MS.most)) {
      try {
        const inserted = await writeRows(this.#pool, appends, deletes)
        const collided = inserted < appends.length ? await findCollisions(this.#pool, appends) : []
        this.#awaySince = undefined
        if (appends.length > 0) this.#full = false
        this.#tell(appends, deletes, collided)
        return room
      } catch (error) {
        const verdict = classifyError(error)
        // Moves are nothing to be alarmed about.
        if (verdict !== 'moved') this.#events.flushFailed(error as Error)
        if (verdict === 'row') return this.#writeHalves(appends, deletes, 'PostgreSQL refuses a row of the journal')
        if (verdict === 'moved') {
          await this.#place.refresh()
          const left = this.#withoutMoved(appends, deletes)
          // Whatever it was, it is here again, or about to be seen as gone.
          if (left === undefined && ++this.#unexplained > MAX_UNEXPLAINED) return this.#writeHalves(appends, deletes)
          if (left !== undefined) [appends, deletes] = left
          if (appends.length + deletes.length === 0) return room
          if (left !== undefined) continue
        }
        const now = this.#monotonic.now()
        if (verdict !== 'moved') this.#awaySince ??= now
        if (verdict === 'noRoom') {
          this.#full = true
          // Senders learn it now, and with them those who wait behind; deletes are repeated.
          for (const append of appends) this.#settle(append, 'notAppended')
          appends = []
          room = false
        }
        if (!room || now - (this.#awaySince ?? now) > this.#options.giveUpMs) this.#buffer.giveUp()
        if (appends.length + deletes.length === 0) return room
        await new Promise((resolve) => {
          setTimeout(resolve, waitMs)
        })
      }
    }
    return false
  }

  /**
   * Mailboxes have moved to another database: refuses all appends for them, so that none follows a refused one, and drops
   * the deletes, since the rows were copied and will be delivered again. Undefined: none of these is known to have moved.
   */
  #withoutMoved(
    appends: readonly Append[],
    deletes: readonly Delete[],
  ): [appends: readonly Append[], deletes: readonly Delete[]] | undefined {
    const holds = (user: UserId): boolean => this.#place.holds(user)
    const gone = appends.filter(({ envelope }) => !holds(envelope.to.user))
    const dropped = deletes.filter(({ to }) => !holds(to.user))
    if (gone.length + dropped.length === 0) return undefined
    for (const append of gone) this.#settle(append, 'notAppended')
    this.#tell([], dropped, [])
    this.#buffer.giveUpFor(({ user }) => !holds(user))
    return [appends.filter(({ envelope }) => holds(envelope.to.user)), deletes.filter(({ to }) => holds(to.user))]
  }

  /** One row was refused: the others must not wait for it. */
  async #writeHalves(appends: readonly Append[], deletes: readonly Delete[], defect?: string): Promise<boolean> {
    if (appends.length + deletes.length === 1) {
      if (defect !== undefined) this.#events.defect(defect)
      for (const append of appends) this.#settle(append, 'notAppended')
      this.#tell([], deletes, [])
      return true
    }
    if (appends.length > 0 && deletes.length > 0) {
      const room = await this.#write(appends, [])
      await this.#write([], deletes)
      return room
    }
    const [first, second] = [appends.slice(0, appends.length >> 1), appends.slice(appends.length >> 1)]
    const room = await this.#write(first, deletes.slice(0, deletes.length >> 1))
    // What comes after a refused append must not be written.
    if (!room) for (const append of second) this.#settle(append, 'notAppended')
    return (await this.#write(room ? second : [], deletes.slice(deletes.length >> 1))) && room
  }

  #tell(appends: readonly Append[], deletes: readonly Delete[], collided: readonly Append[]): void {
    for (const append of collided) {
      this.#events.defect('a row key is taken by another envelope, or its row is refused')
      this.#settle(append, 'notAppended')
    }
    for (const append of appends) if (append.state === 'flushing') this.#settle(append, 'appended')
    for (const row of deletes) {
      try {
        row.settle()
      } catch (error) {
        this.#events.defect('a listener of the journal failed', error as Error)
      }
    }
  }

  #settle(append: Append, outcome: 'appended' | 'notAppended'): void {
    try {
      this.#buffer.settle(append, outcome)
    } catch (error) {
      this.#events.defect('a listener of the journal failed', error as Error)
    }
  }
}
