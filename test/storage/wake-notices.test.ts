import test from 'ava'
import type { ExecutionContext } from 'ava'
import { formatAddress } from '../../src/shared/ids.ts'
import { WakeNotices } from '../../src/storage/wake-notices.ts'
import type { Database } from '../../src/storage/database.ts'
import { openTestDatabase } from '../helpers/database.ts'
import { addressOf } from '../helpers/raw-envelope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

/** Listens, and keeps what it hears. */
async function listen(t: ExecutionContext, database: Database) {
  const heard: string[] = []
  const notices = new WakeNotices(
    database,
    {
      noticed: (mailboxes) => void heard.push(...mailboxes.map(formatAddress)),
      noticedMany: () => void heard.push('many'),
    },
    { taskFailed: (task, error) => t.log(task, error) },
  )
  t.teardown(() => notices.close())
  notices.start()
  await waitUntil('it listens', async () => (await listeners(database)).length === 1)
  return { heard, notices }
}

async function listeners({ pool }: Database): Promise<readonly number[]> {
  const { rows } = await pool.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN parley_wakes'`,
  )
  return rows.map(({ pid }) => pid)
}

test('mailboxes are named to whoever listens, each once', async (t) => {
  const database = await openTestDatabase(t)
  const { heard, notices } = await listen(t, database)
  for (const user of [15_550_000_001, 15_550_000_002, 15_550_000_001]) notices.send(addressOf(user))
  await waitUntil('both are heard', () => heard.length === 2)
  t.deepEqual(heard, ['15550000001.1', '15550000002.1'])
})

test('too many to name are told as many', async (t) => {
  const database = await openTestDatabase(t)
  const { heard, notices } = await listen(t, database)
  for (let user = 999_999_999_990_000; user < 999_999_999_990_400; user++) notices.send(addressOf(user, 8))
  await waitUntil('all are heard', () => heard.length === 400)
  for (let user = 1; user < 10_000; user++) notices.send(addressOf(user))
  await waitUntil('they are heard', () => heard.length === 401)
  t.is(heard.at(-1), 'many')
})

test('what is no address wakes nobody, and a lost connection comes back', async (t) => {
  const database = await openTestDatabase(t)
  const { heard, notices } = await listen(t, database)
  await database.pool.query(`SELECT pg_notify('parley_wakes', 'nobody 1.99 15550000001.1.1 -5.1')`)
  const [pid] = await listeners(database)
  await database.pool.query('SELECT pg_terminate_backend($1)', [pid])
  await waitUntil('it listens again', async () => {
    const now = await listeners(database)
    return now.length === 1 && now[0] !== pid
  })
  notices.send(addressOf(15_550_000_003))
  await waitUntil('it is heard', () => heard.length > 0)
  t.deepEqual(heard, ['15550000003.1'])
})
