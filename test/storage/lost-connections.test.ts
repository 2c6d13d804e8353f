import test from 'ava'
import { User } from '../../src/storage/entities/user.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { isUnavailable } from '../../src/storage/unavailable.ts'
import { createTestDatabase, openDatabase, openTestDatabase, queryDatabase } from '../helpers/database.ts'

const CONNECTIONS = 5
/** How long PostgreSQL may take to end a session: only after that may the test ask on it. */
const PATIENCE_MS = 60_000
const PID = 'SELECT pg_backend_pid() AS pid'

test('units of work whose connections end in the middle of them cost the pool nothing', async (t) => {
  const url = await createTestDatabase(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const end = (pid: number) => queryDatabase(url, `SELECT pg_terminate_backend($1, ${PATIENCE_MS})`, [pid])
  for (let i = 0; i < CONNECTIONS; i++) {
    const work = database.fork().transactional(async (em) => {
      const [row] = await em.execute<{ pid: number }[]>(PID)
      await end(row!.pid)
      await em.find(User, {})
    })
    t.true(isUnavailable(await t.throwsAsync(work)))
    const transaction = inTransaction(database.pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>(PID)
      await end(rows[0]!.pid)
      await client.query(PID)
    })
    t.true(isUnavailable(await t.throwsAsync(transaction)))
  }
  // More would wait for a connection in vain.
  const all = Array.from({ length: 2 * CONNECTIONS }, () => database.fork().find(User, {}))
  t.deepEqual((await Promise.all(all)).flat(), [])
})

test('a transaction that stands still is ended, so that its locks hold up nobody for good', async (t) => {
  const { pool } = await openTestDatabase(t)
  const { rows } = await pool.query<{ setting: string }>(
    `SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'`,
  )
  t.true(Number(rows[0]?.setting) > 0)
})
