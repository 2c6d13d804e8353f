import test from 'ava'
import type { UserId } from '../../src/shared/ids.ts'
import { IdempotencyKeys } from '../../src/storage/idempotency-keys.ts'
import { Shards } from '../../src/storage/shards.ts'
import { sweepExpired } from '../../src/storage/sweep.ts'
import { createTestDatabase, openDatabase, turnDatabaseClock, type Teardown } from '../helpers/database.ts'

const DAY = 86_400_000
const OPTIONS = { idempotencyLifetimeMs: DAY, maxIdempotencyKeys: 3 }
const REQUEST = { user: 1 as UserId, keyHash: Buffer.from('key'), requestHash: Buffer.from('request') }

async function open(t: Teardown) {
  const url = await createTestDatabase(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const shards = new Shards([database])
  let aheadMs = 0
  return {
    turn: (ms: number) => turnDatabaseClock(url, (aheadMs += ms)),
    shards,
    keys: new IdempotencyKeys(shards, OPTIONS, () => 0),
  }
}

test('a request is claimed once, then answered with what came of it', async (t) => {
  const { keys } = await open(t)
  const claims = await Promise.all(Array.from({ length: 5 }, () => keys.claim(REQUEST)))
  t.deepEqual(claims.map(({ outcome }) => outcome).toSorted(), ['busy', 'busy', 'busy', 'busy', 'claimed'])
  await keys.answer(REQUEST, Buffer.from('answer'))
  t.deepEqual(await keys.claim(REQUEST), { outcome: 'answered', response: Buffer.from('answer') })
})

test('another request, or another user, under the same key is told apart', async (t) => {
  const { keys } = await open(t)
  await keys.claim(REQUEST)
  t.deepEqual(await keys.claim({ ...REQUEST, requestHash: Buffer.from('other') }), { outcome: 'conflict' })
  t.deepEqual(await keys.claim({ ...REQUEST, user: 2 as UserId }), { outcome: 'claimed' })
})

test('a request of which nothing came is free again, one that was answered is not', async (t) => {
  const { keys } = await open(t)
  await keys.claim(REQUEST)
  await keys.release(REQUEST)
  t.deepEqual(await keys.claim(REQUEST), { outcome: 'claimed' })
  await keys.answer(REQUEST, Buffer.from('answer'))
  await keys.release(REQUEST)
  t.is((await keys.claim(REQUEST)).outcome, 'answered')
})

test('a request that died on the way is carried out again after a minute', async (t) => {
  const { keys, turn } = await open(t)
  await keys.claim(REQUEST)
  await turn(59_000)
  t.is((await keys.claim(REQUEST)).outcome, 'busy')
  await turn(2_000)
  t.is((await keys.claim(REQUEST)).outcome, 'claimed')
  t.is((await keys.claim(REQUEST)).outcome, 'busy')
})

test('after a day the key is forgotten, swept or not', async (t) => {
  const { keys, turn, shards } = await open(t)
  const other = { ...REQUEST, requestHash: Buffer.from('other') }
  await keys.claim(REQUEST)
  await keys.answer(REQUEST, Buffer.from('answer'))
  await turn(DAY + 1)
  t.is((await keys.claim(other)).outcome, 'claimed')
  await keys.answer(other, Buffer.from('answer'))
  await turn(DAY + 1)
  await sweepExpired(shards)
  t.is((await shards.all[0]!.pool.query('SELECT FROM idempotency_keys')).rowCount, 0)
})

test('the newest keys of a user are remembered, and so many of them', async (t) => {
  const { keys, turn } = await open(t)
  const request = (name: string) => ({ ...REQUEST, keyHash: Buffer.from(name) })
  await keys.claim({ ...REQUEST, user: 2 as UserId })
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await turn(1_000)
    t.is((await keys.claim(request(name))).outcome, 'claimed')
  }
  for (const name of ['e', 'd', 'c']) t.is((await keys.claim(request(name))).outcome, 'busy', name)
  t.is((await keys.claim({ ...REQUEST, user: 2 as UserId })).outcome, 'busy', "another user's")
  t.is((await keys.claim(request('a'))).outcome, 'claimed')
})
