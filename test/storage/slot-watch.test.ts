import { join } from 'node:path'
import test from 'ava'
import { RefusalError } from '../../src/shared/refusal.ts'
import { SLOTS } from '../../src/storage/shards.ts'
import { createTestDatabase, openDatabase } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'
import { openTestShards, usersOfSlot } from '../helpers/slots.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitUntil } from '../helpers/wait-until.ts'

/** A database behind a link that can be cut. */
async function openLinked(t: Teardown) {
  const url = new URL(await createTestDatabase(t))
  const link = await TcpProxy.open({ path: join(url.searchParams.get('host') ?? '', '.s.PGSQL.5432') })
  t.teardown(() => link.close())
  url.searchParams.delete('host')
  const database = await openDatabase(`postgresql://${url.username}@127.0.0.1:${link.port}${url.pathname}`)
  t.teardown(() => database.close())
  return { link, database }
}

const [FIRST] = usersOfSlot(0, 1) as [never]
const [LAST] = usersOfSlot(SLOTS - 1, 1) as [never]

test('what a database that cannot be asked said of its slots is not believed for long', async (t) => {
  const [near, far] = [await openLinked(t), await openLinked(t)]
  const { shards } = await openTestShards(t, [near.database, far.database])
  t.is(await shards.run(LAST, ({ name }) => Promise.resolve(name)), far.database.name)
  far.link.sever()
  await waitUntil('the slots of the far one are in doubt', () => !shards.serves(1, LAST))
  t.true(shards.holds(1, LAST), 'writes go on: PostgreSQL itself guards them')
  await t.throwsAsync(
    shards.run(LAST, () => Promise.resolve()),
    { instanceOf: RefusalError, code: 'UNAVAILABLE' },
  )
  t.is(await shards.run(FIRST, ({ name }) => Promise.resolve(name)), near.database.name)
  far.link.mend()
  await waitUntil('it is believed again', () => shards.serves(1, LAST))
})

test('an answer counts only if its database still served the user when it came', async (t) => {
  const [near, far] = [await openLinked(t), await openLinked(t)]
  const { shards } = await openTestShards(t, [near.database, far.database])
  await t.throwsAsync(
    shards.run(LAST, async ({ pool }) => {
      const { rowCount } = await pool.query('SELECT FROM users WHERE user_id = $1', [LAST])
      far.link.sever()
      await waitUntil('it is in doubt', () => !shards.serves(1, LAST))
      return rowCount
    }),
    { instanceOf: RefusalError },
  )
})

test('a single database is not asked, and always believed', async (t) => {
  const { link, database } = await openLinked(t)
  const { shards } = await openTestShards(t, [database])
  link.sever()
  await shards.refresh()
  t.true(shards.serves(0, FIRST))
  t.is(await shards.run(FIRST, () => Promise.resolve('answer')), 'answer')
})
