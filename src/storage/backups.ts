import { hash } from 'node:crypto'
import type { UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'

export interface StoredBackup {
  readonly version: number
  readonly backup: Uint8Array
}

export type PutBackupOutcome =
  | { readonly outcome: 'stored' }
  /** The stored one has another id. */
  | { readonly outcome: 'forbidden' }
  /** The stored one has this version, or a higher one. */
  | { readonly outcome: 'conflict'; readonly version: number }

/**
 * The encrypted backup of each account. It is read and replaced only by whoever knows its id, which follows from the
 * recovery key: whoever has the phone number alone neither gets nor destroys it.
 */
export class Backups {
  readonly #shards: Shards<Database>

  constructor(shards: Shards<Database>) {
    this.#shards = shards
  }

  async put(user: UserId, id: Uint8Array, { version, backup }: StoredBackup): Promise<PutBackupOutcome> {
    const idHash = hash('sha256', id, 'buffer')
    return this.#shards.run(user, async ({ pool }) => {
      const stored = await pool.query(
        `INSERT INTO backups AS b (user_id, id_hash, version, backup) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE
         SET version = excluded.version, backup = excluded.backup, stored_at = now()
         WHERE b.id_hash = excluded.id_hash AND b.version < excluded.version`,
        [user, idHash, version, backup],
      )
      if (stored.rowCount === 1) return { outcome: 'stored' }
      const { rows } = await pool.query<{ id_hash: Buffer; version: string; same: boolean }>(
        'SELECT id_hash, version, sha256(backup) = sha256($2) AS same FROM backups WHERE user_id = $1',
        [user, backup],
      )
      const [before] = rows
      if (before === undefined || !before.id_hash.equals(idHash)) return { outcome: 'forbidden' }
      // A repetition.
      if (before.same) return { outcome: 'stored' }
      return { outcome: 'conflict', version: Number(before.version) }
    })
  }

  /** Whether the account has a backup under this id. */
  async has(user: UserId, id: Uint8Array): Promise<boolean> {
    const query = {
      name: 'has-backup',
      text: 'SELECT FROM backups WHERE user_id = $1 AND id_hash = $2',
      values: [user, hash('sha256', id, 'buffer')],
    }
    const { rowCount } = await this.#shards.run(user, ({ pool }) => pool.query(query))
    return rowCount === 1
  }

  async find(user: UserId, id: Uint8Array): Promise<StoredBackup | undefined> {
    const query = {
      name: 'find-backup',
      text: 'SELECT version, backup FROM backups WHERE user_id = $1 AND id_hash = $2',
      values: [user, hash('sha256', id, 'buffer')],
    }
    const { rows } = await this.#shards.run(user, ({ pool }) => pool.query<{ version: string; backup: Buffer }>(query))
    return rows.map(({ version, backup }) => ({ version: Number(version), backup }))[0]
  }
}
