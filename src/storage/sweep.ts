import type { Database } from './database.ts'
import { NOW_MS } from './now-ms.ts'
import type { Shards } from './shards.ts'

/** Copies of rows on the way to another database are not touched: what guards them would refuse all of the statement. */
const IS_SERVED = `NOT EXISTS (
  SELECT FROM slots s WHERE s.slot = slot_of(user_id) AND s.state IN ('leaving', 'away', 'arriving'))`

/** A bucket of the limit on taken keys is full again after it. */
const TAKER_MS = 24 * 60 * 60 * 1_000

/** Of the limits that all nodes share: beyond it those go that will be full soonest. */
const MAX_BUCKETS = 1_000_000

/** Rows of a table that one statement deletes, at most: the next run goes on. */
const MAX_ROWS = 50_000

/** Forgets codes, idempotency keys, linkings and counts whose time is over, by the clock of the database that holds them. */
export async function sweepExpired(shards: Shards<Database>): Promise<void> {
  for (const { pool } of shards.all) {
    await pool.query(deleteSome('registrations', `expires_at <= clock_timestamp() AND ${IS_SERVED}`))
    await pool.query(deleteSome('askings', `expires_at <= clock_timestamp() AND ${IS_SERVED}`))
    await pool.query(deleteSome('idempotency_keys', `expires_at <= clock_timestamp() AND ${IS_SERVED}`))
    await pool.query(deleteSome('link_reservations', `expires_at <= clock_timestamp() AND ${IS_SERVED}`))
    await pool.query(deleteSome('pre_key_takers', `counted_at <= ${NOW_MS} - ${TAKER_MS} AND ${IS_SERVED}`))
    await pool.query(deleteSome('link_messages', 'expires_at <= clock_timestamp()'))
    await pool.query(deleteSome('buckets', 'full_at <= clock_timestamp()'))
    await pool.query(
      `DELETE FROM buckets WHERE full_at < (SELECT full_at FROM buckets ORDER BY full_at DESC OFFSET $1 LIMIT 1)`,
      [MAX_BUCKETS],
    )
  }
}

function deleteSome(table: string, condition: string): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${MAX_ROWS}))`
}
