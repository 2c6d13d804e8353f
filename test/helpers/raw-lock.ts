import { Client } from 'pg'
import type { Teardown } from './database.ts'
import { waitUntil } from './wait-until.ts'

/** Holds a lock on the table of mailboxes, so that PostgreSQL keeps statements of the node waiting. */
export class MailboxLock {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  /** Writers wait until {@link release}; with `readers`, they wait too, until {@link admitReaders}. */
  static async take(
    t: Teardown,
    databaseUrl: string,
    options: { readonly readers?: boolean } = {},
  ): Promise<MailboxLock> {
    const client = new Client(databaseUrl)
    client.on('error', () => undefined)
    await client.connect()
    t.teardown(() => client.end().catch(() => undefined))
    await client.query('BEGIN')
    await client.query('LOCK TABLE envelopes IN SHARE MODE')
    await client.query('SAVEPOINT writers')
    if (options.readers) await client.query('LOCK TABLE envelopes IN ACCESS EXCLUSIVE MODE')
    return new MailboxLock(client)
  }

  /** Resolves when so many statements wait for the lock. */
  async blocks(statements: number): Promise<void> {
    await waitUntil(`${statements} statements wait for the lock`, async () => {
      const { rows } = await this.#client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_locks
         WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      )
      return rows[0]!.count >= statements
    })
  }

  async admitReaders(): Promise<void> {
    await this.#client.query('ROLLBACK TO SAVEPOINT writers')
  }

  async release(): Promise<void> {
    await this.#client.query('ROLLBACK')
  }
}
