import test from 'ava'
import type { UserId } from '../../src/shared/ids.ts'
import { LastSeen } from '../../src/storage/last-seen.ts'
import type { Database } from '../../src/storage/database.ts'
import { Shards } from '../../src/storage/shards.ts'
import { openTestDatabase } from '../helpers/database.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const [ann, bob, carol] = [15550000001, 15550000002, 15550000003] as UserId[] as [UserId, UserId, UserId]
const OPTIONS = { lastSeenFlushMs: 3_600_000, lastSeenFlushUsers: 1_000, lastSeenMaxUsers: 10_000 }

function create(database: Database, options: Partial<typeof OPTIONS> = {}) {
  const failures: string[] = []
  const events = { taskFailed: (_task: string, error: unknown) => void failures.push((error as Error).message) }
  return { lastSeen: new LastSeen(new Shards([database]), { ...OPTIONS, ...options }, events), failures }
}

async function addUsers({ pool }: Database, ...users: UserId[]): Promise<void> {
  await pool.query('INSERT INTO users (user_id) SELECT unnest($1::bigint[])', [users])
}

async function stored({ pool }: Database): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ user_id: string; at: string | null }>(
    'SELECT user_id, last_seen_at AS at FROM users',
  )
  return Object.fromEntries(rows.map(({ user_id, at }) => [user_id, Number(at)]))
}

test('the latest time of each user is written, and an earlier one never replaces it', async (t) => {
  const database = await openTestDatabase(t)
  await addUsers(database, ann, bob)
  const { lastSeen } = create(database)
  lastSeen.note(ann, 2_000)
  lastSeen.note(ann, 1_000)
  lastSeen.note(bob, 500)
  lastSeen.note(carol, 700)
  t.is(lastSeen.peek(ann), 2_000)
  await lastSeen.flush()
  t.is(lastSeen.peek(ann), 0)
  lastSeen.note(ann, 1_500)
  lastSeen.note(bob, 900)
  await lastSeen.close()
  t.deepEqual(await stored(database), { [ann]: 2_000, [bob]: 900 })
})

test('times wait for others, but no longer than they should', async (t) => {
  const database = await openTestDatabase(t)
  await addUsers(database, ann)
  const { lastSeen } = create(database, { lastSeenFlushMs: 10 })
  lastSeen.note(ann, 1_000)
  await waitUntil('it is written', async () => (await stored(database))[ann] === 1_000)
  t.pass()
})

test('what could not be written is kept, the latest of each, and written with the next', async (t) => {
  const database = await openTestDatabase(t)
  await addUsers(database, ann, bob)
  const { lastSeen, failures } = create(database, { lastSeenFlushUsers: 2 })
  await database.pool.query('ALTER TABLE users RENAME COLUMN last_seen_at TO mislaid')
  lastSeen.note(ann, 1_000)
  lastSeen.note(bob, 1_000)
  await lastSeen.flush()
  lastSeen.note(bob, 2_000)
  lastSeen.note(carol, 1_000)
  t.is(failures.length, 1)
  t.deepEqual(
    [ann, bob].map((user) => lastSeen.peek(user)),
    [1_000, 2_000],
  )
  await database.pool.query('ALTER TABLE users RENAME COLUMN mislaid TO last_seen_at')
  await lastSeen.close()
  t.deepEqual(await stored(database), { [ann]: 1_000, [bob]: 2_000 })
  t.is(failures.length, 1)
})

test('while the database is away only so many wait, and the oldest make room', async (t) => {
  const database = await openTestDatabase(t)
  await addUsers(database, ann, bob, carol)
  const { lastSeen } = create(database, { lastSeenMaxUsers: 2 })
  lastSeen.note(ann, 1_000)
  lastSeen.note(bob, 1_000)
  lastSeen.note(ann, 2_000)
  lastSeen.note(carol, 1_000)
  await lastSeen.close()
  t.deepEqual(await stored(database), { [ann]: 2_000, [bob]: 0, [carol]: 1_000 })
})

test('writing when users were last seen touches no index', async (t) => {
  const database = await openTestDatabase(t)
  await addUsers(database, ann)
  const { lastSeen } = create(database)
  for (let time = 1; time <= 10; time++) {
    lastSeen.note(ann, time * 1_000)
    await lastSeen.flush()
  }
  await database.pool.query('SELECT pg_stat_force_next_flush()')
  const stats = await database.pool.query<{ updates: string; hot: string }>(
    `SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'users'`,
  )
  t.true(Number(stats.rows[0]?.updates) > 0)
  t.is(Number(stats.rows[0]?.hot), Number(stats.rows[0]?.updates))
})
