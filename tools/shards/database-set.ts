import { Client } from 'pg'
import { StartError } from '../../src/shared/start-error.ts'
import { databaseName } from '../../src/storage/database-name.ts'
import type { MoveEnd } from '../../src/storage/slot-move.ts'
import { readSlots } from '../../src/storage/slot-row.ts'
import type { SetView } from './plan.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** SQLSTATE: there is no such table. */
const NO_TABLE = '42P01'

/** The databases of DATABASE_URLS, with one connection each. */
export class DatabaseSet {
  readonly ends: readonly MoveEnd[]
  readonly #clients: readonly Client[]

  private constructor(clients: readonly Client[], urls: readonly string[]) {
    this.#clients = clients
    this.ends = clients.map((client, i) => ({ name: databaseName(urls[i]!), client }))
  }

  /** @throws StartError when one cannot be reached */
  static async open(urls: readonly string[]): Promise<DatabaseSet> {
    const clients: Client[] = []
    for (const url of urls) {
      const client = new Client({
        connectionString: url,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        application_name: 'parley shards',
      })
      // The query that is under way says it too.
      client.on('error', () => undefined)
      try {
        await client.connect()
      } catch (cause) {
        await Promise.all(clients.map((one) => one.end()))
        const reason = (cause as Error).message || (cause as NodeJS.ErrnoException).code
        throw new StartError(`The database ${databaseName(url)} cannot be reached: ${reason}`, { cause })
      }
      clients.push(client)
    }
    return new DatabaseSet(clients, urls)
  }

  /** What the databases say now. @throws StartError when no node has ever started on them */
  async view(): Promise<SetView> {
    const slots = []
    for (const { name, client } of this.ends) {
      try {
        slots.push((await readSlots(client)).rows)
      } catch (error) {
        if ((error as { code?: unknown }).code !== NO_TABLE) throw error
        throw new StartError(`The database ${name} has no schema of this version: start a node with it first`)
      }
    }
    if (slots.every((rows) => rows.length === 0)) {
      throw new StartError('No slot is anywhere yet: start a node with these databases first')
    }
    return { names: this.ends.map(({ name }) => name), slots }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#clients.map((client) => client.end()))
  }
}
