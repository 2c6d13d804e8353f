import type { Clock } from '../shared/clock.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'

/** Forgets codes and idempotency keys whose time is over. */
export async function sweepExpired(shards: Shards<Database>, clock: Clock): Promise<void> {
  const now = new Date(clock.now())
  for (const { pool } of shards.all) {
    await pool.query('DELETE FROM registrations WHERE expires_at <= $1', [now])
    await pool.query('DELETE FROM idempotency_keys WHERE expires_at <= $1', [now])
  }
}
