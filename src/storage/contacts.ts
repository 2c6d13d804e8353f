import type { Pool } from 'pg'
import type { UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'

/** Whom users know, as far as they say so: for what only contacts may see. */
export class Contacts {
  readonly #shards: Shards<Database>
  readonly #onChanged: (user: UserId) => void

  /** @param onChanged - called after each change of a user's contacts */
  constructor(shards: Shards<Database>, onChanged: (user: UserId) => void) {
    this.#shards = shards
    this.#onChanged = onChanged
  }

  /** In the order of their numbers. */
  async list(user: UserId): Promise<readonly UserId[]> {
    const query = {
      name: 'list-contacts',
      text: 'SELECT contact FROM contacts WHERE user_id = $1 ORDER BY contact',
      values: [user],
    }
    const { rows } = await this.#shards.run(user, ({ pool }) => pool.query<{ contact: string }>(query))
    return rows.map(({ contact }) => Number(contact) as UserId)
  }

  /** Those who have the user among their contacts, at most so many. */
  async findKnowing(user: UserId, limit: number): Promise<readonly UserId[]> {
    const found = await Promise.all(
      this.#shards.all.map(({ pool }) =>
        pool.query<{ user_id: string }>({
          name: 'find-knowing',
          text: 'SELECT user_id FROM contacts WHERE contact = $1 LIMIT $2',
          values: [user, limit],
        }),
      ),
    )
    // A row may be in two databases while it moves.
    const users = new Set(found.flatMap(({ rows }) => rows.map((row) => Number(row.user_id) as UserId)))
    return [...users].slice(0, limit)
  }

  /** Makes these the user's contacts, and no others. False: there is no such user. */
  async replace(user: UserId, contacts: readonly UserId[]): Promise<boolean> {
    const replaced = await this.#shards.run(user, ({ pool }) => this.#replace(pool, user, contacts))
    if (replaced) this.#onChanged(user)
    return replaced
  }

  async #replace(pool: Pool, user: UserId, contacts: readonly UserId[]): Promise<boolean> {
    const client = await pool.connect()
    let failed = false
    try {
      await client.query('BEGIN')
      // Lists of one user come one after the other, else two would become their union.
      const owner = await client.query('SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE', [user])
      if (owner.rowCount === 1) {
        await client.query('DELETE FROM contacts WHERE user_id = $1 AND contact <> ALL ($2::bigint[])', [
          user,
          contacts,
        ])
        await client.query(
          `INSERT INTO contacts (user_id, contact) SELECT $1, contact FROM unnest($2::bigint[]) AS contact
           ON CONFLICT DO NOTHING`,
          [user, contacts],
        )
      }
      await client.query('COMMIT')
      return owner.rowCount === 1
    } catch (error) {
      failed = true
      throw error
    } finally {
      // A connection in the middle of a transaction is not used again.
      client.release(failed)
    }
  }
}
