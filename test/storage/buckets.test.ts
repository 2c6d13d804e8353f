import test from 'ava'
import { type Bucket, Buckets } from '../../src/storage/buckets.ts'
import type { Database } from '../../src/storage/database.ts'
import { Shards } from '../../src/storage/shards.ts'
import { sweepExpired } from '../../src/storage/sweep.ts'
import { openTestDatabase } from '../helpers/database.ts'

const bucketOf = (key: string, burst: number, perSecond = 1e-3): Bucket => ({
  name: 'test',
  key,
  limit: { burst, perSecond },
})

/** As if so many seconds had passed. */
const age = (database: Database, seconds: number) =>
  database.pool.query(`
    UPDATE buckets SET counted_at = counted_at - interval '${seconds} s', full_at = full_at - interval '${seconds} s'`)

test('a bucket gives its burst, then its rate, never more than its burst, and says when there will be enough', async (t) => {
  const database = await openTestDatabase(t)
  const buckets = new Buckets(new Shards([database]), undefined)
  const bucket = bucketOf('a', 2)
  const left = async (tokens?: number) => {
    const answer = await buckets.take([bucket], tokens)
    return answer.taken ? Math.round(answer.left[0]!) : answer.retryAfterMs
  }
  t.is(await left(), 1)
  t.is(await left(), 0)
  const waitMs = await left()
  t.true(waitMs > 990_000 && waitMs <= 1_000_000)
  await age(database, 1_000)
  t.is(await left(), 0)
  await age(database, 1_000_000)
  t.is(await left(), 1)
  t.true((await left(3)) > 1_000, 'more than the burst never passes')
  await buckets.giveBack([bucket], 5)
  t.is(await left(), 1)
})

test('of several buckets all are taken from, or none', async (t) => {
  const buckets = new Buckets(new Shards([await openTestDatabase(t)]), undefined)
  const [wide, narrow] = [bucketOf('wide', 5), bucketOf('narrow', 1)]
  t.deepEqual((await buckets.take([wide, narrow])).taken, true)
  for (let time = 0; time < 10; time++) {
    const answer = await buckets.take([wide, narrow])
    t.is(answer.taken ? undefined : answer.empty, narrow)
  }
  const answer = await buckets.take([wide], 4)
  t.true(answer.taken)
})

test('at the same time on several nodes no bucket gives more than it has, nor do two wait for each other', async (t) => {
  const shards = new Shards([await openTestDatabase(t)])
  const nodes = [new Buckets(shards, undefined), new Buckets(shards, undefined)]
  const [a, b] = [bucketOf('a', 10), bucketOf('b', 1_000)]
  t.true((await nodes[0]!.take([a, b])).taken)
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const node = nodes[index % 2]!
      await node.giveBack(index % 3 === 0 ? [b] : [b, bucketOf('c', 1)])
      return node.take(index % 3 === 0 ? [b, a] : [a, b])
    }),
  )
  t.is(answers.filter(({ taken }) => taken).length, 9)
})

test('nothing that is stored says whose bucket it is, and a full one is forgotten', async (t) => {
  const database = await openTestDatabase(t)
  const shards = new Shards([database])
  await new Buckets(shards, Buffer.alloc(32, 1)).take([bucketOf('15550000001', 2)])
  const other = await new Buckets(shards, Buffer.alloc(32, 2)).take([bucketOf('15550000001', 2)])
  t.deepEqual(other.taken && other.left, [1], 'another key, another bucket')
  const { rows } = await database.pool.query<{ all: string }>('SELECT b::text AS all FROM buckets b')
  for (const row of rows) t.notRegex(row.all, /15550000001|test/)
  await sweepExpired(shards)
  t.is((await database.pool.query('SELECT FROM buckets')).rowCount, 2)
  await age(database, 2_000)
  await sweepExpired(shards)
  t.is((await database.pool.query('SELECT FROM buckets')).rowCount, 0)
})
