import type { Pool } from 'pg'
import { checkMailboxes, readMailboxes } from './mailbox-rows.ts'
import type { MailboxCheck, MailboxPage, MailboxQuery } from './mailbox-rows.ts'
import type { Address } from '../shared/ids.ts'

/** Whoever asked for rows. */
export interface PageListener {
  /** It needs them no more. */
  readonly closed: boolean
  rowsRead(page: MailboxPage): void
}

interface Waiting {
  readonly query: MailboxQuery
  readonly listener: PageListener
}

export interface MailboxReaderEvents {
  readFailed(error: Error): void
}

/** Mailboxes that one statement reads, at most: bounds the memory of its answer. */
const MAX_BATCH = 32
/** Statements under way. */
const MAX_CONCURRENT = 2
const RETRY_MS = { first: 50, most: 2_000 }

/** Reads mailbox rows of one database: what is asked for in one tick shares a statement. It tries until it succeeds. */
export class MailboxReader {
  readonly #pool: Pool
  readonly #events: MailboxReaderEvents
  #waiting: Waiting[] = []
  #running = 0
  #scheduled = false
  #closed = false
  #retryMs = RETRY_MS.first

  constructor(pool: Pool, events: MailboxReaderEvents) {
    this.#pool = pool
    this.#events = events
  }

  read(query: MailboxQuery, listener: PageListener): void {
    this.#waiting.push({ query, listener })
    this.#schedule()
  }

  /** Reads one mailbox at once; rejects when PostgreSQL is away. */
  async readNow(query: MailboxQuery): Promise<MailboxPage> {
    const [page] = await readMailboxes(this.#pool, [query])
    return page!
  }

  /** Whether rows wait, and which connection is the newest; rejects when PostgreSQL is away. */
  check(mailboxes: readonly Address[]): Promise<MailboxCheck[]> {
    return checkMailboxes(this.#pool, mailboxes)
  }

  close(): void {
    this.#closed = true
    this.#waiting = []
  }

  #schedule(): void {
    if (this.#scheduled || this.#running >= MAX_CONCURRENT || this.#waiting.length === 0 || this.#closed) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#run(this.#waiting.splice(0, MAX_BATCH))
      this.#schedule()
    })
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    const wanted = batch.filter(({ listener }) => !listener.closed)
    if (wanted.length === 0) return
    this.#running++
    try {
      const pages = await readMailboxes(
        this.#pool,
        wanted.map(({ query }) => query),
      )
      this.#retryMs = RETRY_MS.first
      for (const [i, { listener }] of wanted.entries()) listener.rowsRead(pages[i]!)
    } catch (error) {
      this.#events.readFailed(error as Error)
      setTimeout(() => {
        this.#waiting.push(...wanted)
        this.#schedule()
      }, this.#retryMs).unref()
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.most)
    } finally {
      this.#running--
      this.#schedule()
    }
  }
}
