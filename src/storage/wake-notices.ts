import type { Pool, PoolClient } from 'pg'
import { formatAddress, parseAddress } from '../shared/ids.ts'
import type { Address } from '../shared/ids.ts'
import type { Database } from './database.ts'

export interface WakeNoticesListener {
  /** These mailboxes may have new rows. */
  noticed(mailboxes: readonly Address[]): void
  /** So many that nobody names them. */
  noticedMany(): void
}

export interface WakeNoticesEvents {
  taskFailed(task: string, error: unknown): void
}

const CHANNEL = 'parley_wakes'
/** Wakes of this time share a notice. */
const GATHER_MS = 50
/** A payload of NOTIFY is below 8,000 bytes; an address takes 18 at most. */
const MAX_NAMED = 400
const MANY = '*'
/** How often the connection that listens is tried, and how soon it is opened again. */
const CHECK_MS = 10_000
const RETRY_MS = 1_000

/**
 * Wakes that go by PostgreSQL (NOTIFY), for when the bus takes none: a node that is cut off alone can still tell the
 * others. A hint like those of the bus: what is lost, the next poll finds.
 */
export class WakeNotices {
  readonly #database: Database
  readonly #listener: WakeNoticesListener
  readonly #events: WakeNoticesEvents
  readonly #pool: Pool
  readonly #gathered = new Map<string, Address>()
  #client: PoolClient | undefined
  #sendTimer: NodeJS.Timeout | undefined
  #checkTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(database: Database, listener: WakeNoticesListener, events: WakeNoticesEvents) {
    this.#database = database
    this.#listener = listener
    this.#events = events
    this.#pool = database.createJournalPool(1)
  }

  /** Begins to listen, and goes on whatever happens to its connection. */
  start(): void {
    void this.#listen()
  }

  /** Tells all nodes, soon and together with others. */
  send(to: Address): void {
    if (this.#closed) return
    if (this.#gathered.size <= MAX_NAMED) this.#gathered.set(formatAddress(to), to)
    this.#sendTimer ??= setTimeout(() => void this.#sendGathered(), GATHER_MS)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#sendTimer)
    clearTimeout(this.#checkTimer)
    this.#client?.release(true)
    this.#client = undefined
    await this.#pool.end()
  }

  async #sendGathered(): Promise<void> {
    const names = [...this.#gathered.keys()]
    this.#gathered.clear()
    this.#sendTimer = undefined
    const payload = names.length > MAX_NAMED ? MANY : names.join(' ')
    try {
      await this.#database.pool.query('SELECT pg_notify($1, $2)', [CHANNEL, payload])
    } catch (error) {
      this.#events.taskFailed('sending wakes by the database', error)
    }
  }

  async #listen(): Promise<void> {
    try {
      const client = await this.#pool.connect()
      if (this.#closed) return client.release(true)
      this.#client = client
      client.on('notification', ({ payload }) => this.#hear(payload ?? ''))
      client.on('error', () => this.#lose(client))
      await client.query(`LISTEN ${CHANNEL}`)
      this.#checkTimer = setTimeout(() => void this.#check(client), CHECK_MS)
    } catch {
      this.#lose(this.#client)
    }
  }

  /** A connection may be dead without a word. */
  async #check(client: PoolClient): Promise<void> {
    try {
      await client.query('SELECT')
      if (this.#client === client) this.#checkTimer = setTimeout(() => void this.#check(client), CHECK_MS)
    } catch {
      this.#lose(client)
    }
  }

  #lose(client: PoolClient | undefined): void {
    if (this.#closed || client !== this.#client) return
    this.#client = undefined
    client?.release(true)
    clearTimeout(this.#checkTimer)
    this.#checkTimer = setTimeout(() => void this.#listen(), RETRY_MS)
  }

  #hear(payload: string): void {
    if (payload === MANY) return this.#listener.noticedMany()
    const mailboxes = payload.split(' ').flatMap((name) => parseAddress(name) ?? [])
    this.#listener.noticed(mailboxes)
  }
}
