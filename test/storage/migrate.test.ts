import test from 'ava'
import { Client } from 'pg'
import { StartError } from '../../src/shared/start-error.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { books } from '../../src/storage/migrations/index.ts'
import { createBareDatabase, createTestDatabase, openTestDatabase, type Teardown } from '../helpers/database.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const options = { poolConnections: 2, connectTimeoutMs: 5_000, queryTimeoutMs: 10_000 }
const names = books.flatMap(({ migrations }) => migrations.map(({ name }) => name))

async function connect(t: Teardown, url: string): Promise<Client> {
  const client = new Client(url)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

test('an empty database gets every migration, once', async (t) => {
  const url = await createBareDatabase(t)
  t.deepEqual(await migrate({ ...options, url }), names)
  t.deepEqual(await migrate({ ...options, url }), [])
})

test('of nodes that start together one migrates, and the others wait', async (t) => {
  const url = await createBareDatabase(t)
  const ran = await Promise.all(Array.from({ length: 4 }, () => migrate({ ...options, url })))
  t.deepEqual(
    ran.filter((one) => one.length > 0),
    [names],
  )
})

test('a node that waits for another one to migrate says so', async (t) => {
  const url = await createBareDatabase(t)
  const other = new Client(url)
  await other.connect()
  await other.query('SELECT pg_advisory_lock(7270002)')
  const told: string[] = []
  const migrating = migrate({ ...options, url }, (what) => told.push(what))
  await waitUntil('it says what it waits for', () => told.length > 0)
  await other.end()
  t.true((await migrating).length > 0)
  t.regex(told[0]!, /^\S+: another node changes its schema$/)
})

test('a database that a later version has changed is refused when this version cannot run on it, and left as it is', async (t) => {
  for (const [table, name] of [
    ['schema_migrations', '9999-from-the-future'],
    ['schema_changes', '9999-unclear'],
    ['schema_changes', '9999-contract.from-9998'],
  ] as const) {
    const url = await createTestDatabase(t)
    const client = await connect(t, url)
    await client.query(`INSERT INTO ${table} (name) VALUES ('${name}')`)
    const error = await t.throwsAsync(migrate({ ...options, url }), { instanceOf: StartError })
    t.regex(error.message, /^The database \S+ has a newer schema than this version of Parley can run on \(9999-/)
    t.is((await client.query(`SELECT FROM ${table} WHERE name LIKE '9999%'`)).rowCount, 1)
  }
})

test('a database that a later version has changed is taken when the change names this version', async (t) => {
  const url = await createTestDatabase(t)
  const client = await connect(t, url)
  await client.query(`INSERT INTO schema_changes (name) VALUES ('9999-expand.from-0005')`)
  t.deepEqual(await migrate({ ...options, url }), [])
})

test('every migration after the fifth says which version runs on it, and the first book is closed', (t) => {
  const [first, later] = books
  t.is(first?.migrations.length, 5)
  for (const { name } of later?.migrations ?? []) t.regex(name, /^\d{4}-[a-z-]+\.from-\d{4}$/)
  t.deepEqual(names, names.toSorted())
})

test('a database that is not there is one clear line', async (t) => {
  const url = new URL(await createTestDatabase(t))
  url.pathname = '/nothing_here'
  const error = await t.throwsAsync(migrate({ ...options, url: url.href }), { instanceOf: StartError })
  t.regex(error.message, /^The database \S+ cannot be reached: database "nothing_here" does not exist$/)
})

test('every table of user data is keyed by the user first, and every column says what it is', async (t) => {
  const client = await connect(t, await createTestDatabase(t))
  const keys = await client.query<{ table: string; first: string }>(`
    SELECT c.relname AS table, a.attname AS first
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace`)
  const others = new Set([
    'schema_migrations',
    'schema_changes',
    'node_numbers',
    'restores',
    'slots',
    'link_messages',
    'buckets',
  ])
  for (const { table, first } of keys.rows) if (!others.has(table)) t.is(first, 'user_id', table)
  t.true(keys.rows.length >= 7)
  const silent = await client.query(`
    SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
      AND c.relname NOT IN ('schema_migrations', 'schema_changes') AND col_description(c.oid, a.attnum) IS NULL`)
  t.deepEqual(silent.rows, [])
})

test('counting a connection touches no index', async (t) => {
  const { pool } = await openTestDatabase(t)
  await pool.query(`INSERT INTO users (user_id) VALUES (1)`)
  await pool.query(
    `INSERT INTO devices (user_id, device, registration, token_hash) VALUES (1, 1, gen_random_uuid(), '\\x00')`,
  )
  for (let time = 0; time < 10; time++) {
    await pool.query('UPDATE devices SET connection_number = connection_number + 1, last_used_at = now()')
  }
  await pool.query('SELECT pg_stat_force_next_flush()')
  const stats = await pool.query<{ updates: string; hot: string }>(
    `SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'devices'`,
  )
  t.is(Number(stats.rows[0]?.hot), Number(stats.rows[0]?.updates))
})
