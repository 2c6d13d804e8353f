import type { Pool } from 'pg'
import { checkMailboxes, readMailboxes } from './mailbox-rows.ts'
import type { MailboxCheck, MailboxPage, MailboxQuery } from './mailbox-rows.ts'
import type { Address, UserId } from '../shared/ids.ts'
import { unavailable } from './shards.ts'

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

/** Whether its database surely serves the user's mailboxes: what was read of others says nothing. */
type Serves = (user: UserId) => boolean

/** Mailboxes that one statement reads, at most: bounds the memory of its answer. */
const MAX_BATCH = 32
/** Statements under way. */
const MAX_CONCURRENT = 2
const RETRY_MS = { first: 50, most: 2_000 }

/** Reads mailbox rows of one database: what is asked for in one tick shares a statement. It tries until it succeeds. */
export class MailboxReader {
  readonly #pool: Pool
  readonly #events: MailboxReaderEvents
  readonly #serves: Serves
  #waiting: Waiting[] = []
  #running = 0
  #scheduled = false
  #closed = false
  #retryMs = RETRY_MS.first

  constructor(pool: Pool, events: MailboxReaderEvents, serves: Serves = () => true) {
    this.#pool = pool
    this.#events = events
    this.#serves = serves
  }

  read(query: MailboxQuery, listener: PageListener): void {
    this.#waiting.push({ query, listener })
    this.#schedule()
  }

  /**
   * Reads one mailbox at once; rejects when PostgreSQL is away.
   * @throws RefusalError with UNAVAILABLE while the mailbox moves to another database
   */
  async readNow(query: MailboxQuery): Promise<MailboxPage> {
    const [page] = await readMailboxes(this.#pool, [query])
    if (!this.#serves(query.to.user)) throw unavailable()
    return page!
  }

  /**
   * Whether rows wait, and which connection is the newest; rejects when PostgreSQL is away. Undefined: the mailbox moves
   * to another database.
   */
  async check(mailboxes: readonly Address[]): Promise<(MailboxCheck | undefined)[]> {
    const checks = await checkMailboxes(this.#pool, mailboxes)
    return checks.map((check, i) => (this.#serves(mailboxes[i]!.user) ? check : undefined))
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
      const elsewhere: Waiting[] = []
      for (const [i, one] of wanted.entries()) {
        if (this.#serves(one.query.to.user)) one.listener.rowsRead(pages[i]!)
        else elsewhere.push(one)
      }
      // Those whose mailboxes have moved will be closed; a look at the slots may show that they have not.
      if (elsewhere.length > 0) this.#readAgain(elsewhere)
    } catch (error) {
      this.#events.readFailed(error as Error)
      this.#readAgain(wanted)
    } finally {
      this.#running--
      this.#schedule()
    }
  }

  #readAgain(batch: readonly Waiting[]): void {
    setTimeout(() => {
      this.#waiting.push(...batch)
      this.#schedule()
    }, this.#retryMs).unref()
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.most)
  }
}
