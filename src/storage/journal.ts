import type { Pool } from 'pg'
import type { Clock } from '../shared/clock.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, MessageId } from '../shared/ids.ts'
import { JournalBuffer } from './journal-buffer.ts'
import type { Flush, JournalLimits } from './journal-buffer.ts'
import type { Append, AppendListener, Delete, DeleteListener } from './journal-op.ts'
import { findCollisions, writeRows } from './journal-statements.ts'
import { classifyError } from './pg-error.ts'

export interface JournalOptions extends JournalLimits {
  /** Rows a statement, at most. */
  readonly flushRows: number
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

const RETRY_MS = { first: 20, most: 1_000 }

/**
 * Appends to and deletes from the mailboxes of one database, in group commits: one statement writes all that has
 * gathered, and the next starts when it returns. `appended` is said only when the row is surely committed; a flush
 * whose outcome is unknown is repeated until it is certain, which its row keys make safe.
 */
export class Journal {
  readonly #pool: Pool
  readonly #options: JournalOptions
  readonly #clock: Clock
  readonly #events: JournalEvents
  readonly #buffer: JournalBuffer
  #flushing = false
  #lastFlushAt = 0
  #wakeUp: { at: number; cancel: () => void } | undefined
  #awaySince: number | undefined
  #closed = false
  /** The latest that the clock has shown, and by how much it has stepped back since the start. */
  #latest = 0
  #steppedMs = 0

  constructor(pool: Pool, options: JournalOptions, clock: Clock, events: JournalEvents) {
    this.#pool = pool
    this.#options = options
    this.#clock = clock
    this.#events = events
    this.#buffer = new JournalBuffer(options)
  }

  /** Since when PostgreSQL takes nothing (ms since 1970); undefined: it does. */
  get awaySince(): number | undefined {
    return this.#awaySince
  }

  get bufferedBytes(): number {
    return this.#buffer.bytes
  }

  /**
   * Takes an envelope for its mailbox; undefined when there is no room, or PostgreSQL is away. The listener hears of it
   * once. `hurried`: nobody can acknowledge it meanwhile.
   */
  append<Item>(envelope: Envelope, listener: AppendListener<Item>, item: Item, hurried = false): Append | undefined {
    const now = this.#now()
    if (this.#closed || this.#hasGivenUp(now)) return undefined
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
    this.#buffer.delete(to, messageId, this.#now(), listener, item)
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

  /** The time of the clock, which here never steps back: what waits, waits for a span of time. */
  #now(): number {
    const shown = this.#clock.now()
    this.#steppedMs = Math.max(this.#steppedMs, this.#latest - shown)
    this.#latest = shown + this.#steppedMs
    return this.#latest
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
    this.#wakeUp = { at, cancel: this.#after(at - this.#now()) }
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
    const now = this.#now()
    const due = this.#buffer.dueAt()
    if (due === undefined) return
    if (due > now) return this.#schedule()
    this.#lastFlushAt = now
    this.#flushing = true
    void this.#flush(this.#buffer.take(now, this.#options.flushRows))
  }

  async #flush(flush: Flush): Promise<void> {
    const start = performance.now()
    const { appends, deletes } = flush
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
        this.#tell(appends, deletes, collided)
        return room
      } catch (error) {
        this.#events.flushFailed(error as Error)
        const verdict = classifyError(error)
        if (verdict === 'row') return this.#writeHalves(appends, deletes)
        const now = this.#now()
        this.#awaySince ??= now
        if (verdict === 'noRoom') {
          // Senders learn it now, and with them those who wait behind; deletes are repeated.
          for (const append of appends) this.#settle(append, 'notAppended')
          appends = []
          room = false
        }
        if (!room || now - this.#awaySince > this.#options.giveUpMs) this.#buffer.giveUp()
        if (appends.length + deletes.length === 0) return room
        await new Promise((resolve) => {
          setTimeout(resolve, waitMs)
        })
      }
    }
    return false
  }

  /** One row was refused for what it holds: the others must not wait for it. */
  async #writeHalves(appends: readonly Append[], deletes: readonly Delete[]): Promise<boolean> {
    if (appends.length + deletes.length === 1) {
      this.#events.defect('PostgreSQL refuses a row of the journal')
      this.#tell([], deletes, appends)
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
