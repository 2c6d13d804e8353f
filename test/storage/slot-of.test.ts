import test from 'ava'
import * as fc from 'fast-check'
import type { UserId } from '../../src/shared/ids.ts'
import { slotOf } from '../../src/storage/shards.ts'
import { openTestDatabase } from '../helpers/database.ts'

const EDGES = [
  1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x1_ffff_ffff, 999_999_999_999_999,
]

test('PostgreSQL puts every user into the same slot as the server', async (t) => {
  const { pool } = await openTestDatabase(t)
  const sampled = fc.sample(fc.integer({ min: 1, max: 999_999_999_999_999 }), { numRuns: 5_000, seed: 1 })
  const phones = fc.sample(fc.integer({ min: 10_000_000_000, max: 99_999_999_999 }), { numRuns: 5_000, seed: 2 })
  const users = [...EDGES, ...sampled, ...phones]
  const { rows } = await pool.query<{ slot: number }>(
    'SELECT slot_of(id) AS slot FROM unnest($1::bigint[]) WITH ORDINALITY AS u (id, place) ORDER BY place',
    [users],
  )
  const wrong = users.filter((user, i) => rows[i]?.slot !== slotOf(user as UserId))
  t.deepEqual(wrong, [])
})
