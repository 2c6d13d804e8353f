import test from 'ava'
import type { ExecutionContext } from 'ava'
import { StartError } from '../../src/shared/start-error.ts'
import type { Database } from '../../src/storage/database.ts'
import { openShards } from '../../src/storage/open-shards.ts'
import { SLOTS } from '../../src/storage/shards.ts'
import { openTestDatabase } from '../helpers/database.ts'
import { openTestSet, openTestShards, QUIET, usersOfSlot } from '../helpers/slots.ts'

async function countSlots(databases: readonly Database[]): Promise<readonly (number | null)[]> {
  return Promise.all(databases.map(async ({ pool }) => (await pool.query('SELECT FROM slots')).rowCount))
}

async function failure(t: ExecutionContext, databases: readonly Database[]): Promise<string> {
  const error = await t.throwsAsync(openShards(databases, QUIET), { instanceOf: StartError })
  t.false(error.message.includes('\n'))
  return error.message
}

test('the databases of a fresh set share the slots evenly, also when nodes start together', async (t) => {
  const databases = [await openTestDatabase(t), await openTestDatabase(t), await openTestDatabase(t)]
  const nodes = await Promise.all([1, 2, 3].map(() => openTestShards(t, databases)))
  t.deepEqual(await countSlots(databases), [342, 341, 341])
  for (const { shards } of nodes) {
    for (let slot = 0; slot < SLOTS; slot += 31) {
      const [user] = usersOfSlot(slot, 1)
      t.is(shards.indexOf(user!), Math.floor((slot * 3) / SLOTS))
    }
  }
})

test('a first start that broke off is finished by the next', async (t) => {
  const databases = [await openTestDatabase(t), await openTestDatabase(t), await openTestDatabase(t)]
  await databases[2]!.pool.query(`INSERT INTO slots (slot, state) SELECT n, 'here' FROM generate_series(683, 1023) n`)
  await openTestShards(t, databases)
  t.deepEqual(await countSlots(databases), [342, 341, 341])
})

test('a database that is added later has no slots, wherever it stands in the list', async (t) => {
  const { databases } = await openTestSet(t, 2)
  const added = await openTestDatabase(t)
  await openTestShards(t, [...databases, added])
  await openTestShards(t, [added, ...databases])
  t.deepEqual(await countSlots([...databases, added]), [512, 512, 0])
})

test('the order of the databases says nothing once the slots are written down', async (t) => {
  const { databases } = await openTestSet(t, 2)
  const { shards } = await openTestShards(t, databases.toReversed())
  t.is(shards.indexOf(usersOfSlot(0, 1)[0]!), 1)
  t.is(shards.indexOf(usersOfSlot(1_023, 1)[0]!), 0)
})

test('users from before slots were written down stay with the database that has them', async (t) => {
  const database = await openTestDatabase(t)
  await database.pool.query('INSERT INTO users SELECT n FROM generate_series(15550000001, 15550000100) n')
  const message = await failure(t, [database, await openTestDatabase(t)])
  t.regex(message, /^The database \S+ holds users of other slots than its share of 2 databases: start once with /)
  await openTestShards(t, [database])
  t.deepEqual(await countSlots([database]), [SLOTS])
})

test('a slot that is nowhere, and one that is held twice, stop the start', async (t) => {
  const { databases } = await openTestSet(t, 2)
  t.regex(
    await failure(t, [databases[0]!]),
    /^No database of DATABASE_URLS holds slots 512-1023: is one of them missing\?$/,
  )
  await databases[1]!.pool.query(`INSERT INTO slots (slot, state) VALUES (7, 'here')`)
  t.regex(await failure(t, databases), /^Slot 7 is held by \S+ and by \S+: one of them must give it up$/)
  await databases[1]!.pool.query('DELETE FROM slots WHERE slot = 7')
  await databases[0]!.pool.query(`UPDATE slots SET state = 'away', peer = 'db9/parley' WHERE slot IN (3, 5)`)
  t.regex(
    await failure(t, databases),
    /holds slots 3 and 5: .*; the last that is known of slot 3 is that it moved to db9/,
  )
})

test('a move that is under way, at whatever step, does not stop the start', async (t) => {
  const { databases } = await openTestSet(t, 2)
  const [user] = usersOfSlot(3, 1)
  const say = (database: number, state: string) =>
    databases[database]!.pool.query(
      `INSERT INTO slots (slot, state, peer) VALUES (3, $1, 'peer') ON CONFLICT (slot) DO UPDATE SET state = $1`,
      [state],
    )
  await say(1, 'arriving')
  const expected = { here: true, copying: true, leaving: false, away: false }
  for (const [state, served] of Object.entries(expected)) {
    await say(0, state)
    const { shards } = await openTestShards(t, databases)
    t.is(shards.serves(0, user!), served, state)
    t.false(shards.serves(1, user!))
  }
  await say(1, 'here')
  const { shards } = await openTestShards(t, databases)
  t.is(shards.indexOf(user!), 1)
})
