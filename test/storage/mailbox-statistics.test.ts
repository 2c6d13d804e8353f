import test from 'ava'
import { sampleMailboxes } from '../../src/storage/mailbox-statistics.ts'
import { createTestDatabase, openDatabase, stopDatabaseClock } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'
import { newUser } from '../helpers/raw-accounts.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const NOW = Date.UTC(2030, 0, 1)
const HOUR = 3_600_000

const idAt = (ms: number, counter: number): string => String((BigInt(ms) << 22n) + BigInt(counter))

/** A database whose clock stands still. */
async function openStopped(t: Teardown) {
  const url = await createTestDatabase(t)
  await stopDatabaseClock(url, NOW)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  return database
}

test('a small database is looked at whole: the deepest mailbox and the oldest envelope are known', async (t) => {
  const { pool } = await openStopped(t)
  t.deepEqual(await sampleMailboxes(pool), { envelopes: 0, deepest: 0, oldestMs: 0 })
  const fill = (user: number, count: number, ms: number) =>
    pool.query(
      `INSERT INTO envelopes
         (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload)
       SELECT $1, 1, id, 1, 1, 0, false, 0, '', '', '' FROM unnest($2::bigint[]) id`,
      [user, Array.from({ length: count }, (_, i) => idAt(ms, i))],
    )
  await fill(newUser(), 700, NOW - HOUR)
  await fill(newUser(), 30, NOW - 7 * HOUR)
  await fill(newUser(), 1, NOW + HOUR)
  const { deepest, oldestMs } = await sampleMailboxes(pool)
  t.deepEqual([deepest, oldestMs], [700, 7 * HOUR])
})

test('of a large database only a part is read', async (t) => {
  const { pool } = await openStopped(t)
  await pool.query(
    `INSERT INTO envelopes
       (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload)
     SELECT 15550000000 + i / 20, 1, ($1::bigint << 22) + i, 1, 1, 0, false, 0, '', '', decode(repeat('00', 500), 'hex')
     FROM generate_series(1, 40000) i`,
    [NOW - HOUR],
  )
  const { rows } = await pool.query<{ pages: number }>(`SELECT pg_relation_size('envelopes')::int / 8192 AS pages`)
  t.true(rows[0]!.pages > 2_000)
  await pool.query('SELECT pg_stat_force_next_flush()')
  await pool.query(`SELECT pg_stat_reset_single_table_counters('envelopes'::regclass)`)
  const { deepest, oldestMs } = await sampleMailboxes(pool)
  t.is(deepest, 20)
  t.is(oldestMs, HOUR)
  let read = 0
  await waitUntil('PostgreSQL has counted what was read', async () => {
    await pool.query('SELECT pg_stat_force_next_flush()')
    const seen = await pool.query<{ read: number }>(
      `SELECT seq_tup_read::int AS read FROM pg_stat_user_tables WHERE relid = 'envelopes'::regclass`,
    )
    read = seen.rows[0]!.read
    return read > 0
  })
  t.true(read < 20_000, `${read} rows`)
})
