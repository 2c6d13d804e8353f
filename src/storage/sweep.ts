import type { Clock } from '../shared/clock.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'

/** Copies of rows on the way to another database are not touched: what guards them would refuse all of the statement. */
const IS_SERVED = `NOT EXISTS (
  SELECT FROM slots s WHERE s.slot = slot_of(user_id) AND s.state IN ('leaving', 'away', 'arriving'))`

/** A bucket of the limit on taken keys is full again after it. */
const TAKER_MS = 24 * 60 * 60 * 1_000

/** Of the limits that all nodes share: beyond it those go that will be full soonest. */
const MAX_BUCKETS = 1_000_000

/** Forgets codes, idempotency keys, linkings and counts whose time is over. */
export async function sweepExpired(shards: Shards<Database>, clock: Clock): Promise<void> {
  const now = new Date(clock.now())
  for (const { pool } of shards.all) {
    await pool.query(`DELETE FROM registrations WHERE expires_at <= $1 AND ${IS_SERVED}`, [now])
    await pool.query(`DELETE FROM askings WHERE expires_at <= $1 AND ${IS_SERVED}`, [now])
    await pool.query(`DELETE FROM idempotency_keys WHERE expires_at <= $1 AND ${IS_SERVED}`, [now])
    await pool.query(`DELETE FROM link_reservations WHERE expires_at <= $1 AND ${IS_SERVED}`, [now])
    await pool.query(`DELETE FROM pre_key_takers WHERE counted_at <= $1 AND ${IS_SERVED}`, [clock.now() - TAKER_MS])
    await pool.query('DELETE FROM link_messages WHERE expires_at <= $1', [now])
    await pool.query('DELETE FROM buckets WHERE full_at <= now()')
    await pool.query(
      `DELETE FROM buckets WHERE full_at < (SELECT full_at FROM buckets ORDER BY full_at DESC OFFSET $1 LIMIT 1)`,
      [MAX_BUCKETS],
    )
  }
}
