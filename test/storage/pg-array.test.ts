import test from 'ava'
import fc from 'fast-check'
import { Pool } from 'pg'
import { boolArray, byteaArray, int2Array, int8Array, textArray } from '../../src/storage/pg-array.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { FileScope } from '../helpers/raw-scope.ts'

const scope = new FileScope()
let pool: Pool

test.before(async () => {
  pool = new Pool({ connectionString: await createTestDatabase(scope), max: 3 })
  scope.teardown(() => pool.end())
})
test.after.always(() => scope.end())

/** What PostgreSQL makes of an array: its elements, in order, each as text. */
async function unnest(type: string, array: Buffer): Promise<(string | null)[]> {
  const { rows } = await pool.query<{ value: string | null }>({
    text: `SELECT CASE WHEN $2 = 'bytea' THEN encode(value::text::bytea, 'escape') ELSE value::text END AS value
      FROM unnest($1::${type}[]) WITH ORDINALITY AS u(value, i) ORDER BY i`,
    values: [array, type],
  })
  return rows.map(({ value }) => value)
}

const safe = fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
const big = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
/** PostgreSQL knows no character 0, and UTF-8 no lone surrogate. */
const texts = fc.string({ unit: 'grapheme', maxLength: 50 }).map((text) => text.replaceAll('\0', ''))

test('bigint[] arrives as it was, negative, 53 and 63 bits wide', async (t) => {
  const edges = [0, -1, 1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 32 - 1, -(2 ** 32) - 1, 999_999_999_999_999]
  const wide = [2n ** 63n - 1n, -(2n ** 63n), -1n, 0n, 2n ** 32n]
  const values = [...edges, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, ...wide]
  t.deepEqual(await unnest('bigint', int8Array(values)), values.map(String))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(safe, big), { maxLength: 40 }), async (numbers) => {
      t.deepEqual(
        await unnest('bigint', int8Array(numbers)),
        numbers.map((number) => String(BigInt(number))),
      )
    }),
    { numRuns: 50 },
  )
})

test('smallint[] arrives as it was', async (t) => {
  const values = [0, 1, -1, 255, 256, 32_767, -32_768]
  t.deepEqual(await unnest('smallint', int2Array(values)), values.map(String))
})

test('boolean[] arrives as it was', async (t) => {
  t.deepEqual(await unnest('boolean', boolArray([true, false, false, true])), ['true', 'false', 'false', 'true'])
})

test('text[] arrives as it was: empty, with quotes and commas, in any script', async (t) => {
  const values = [
    '',
    'NULL',
    '{}',
    '"a","b"',
    'back\\slash',
    'Grüße',
    '你好',
    '👩‍👩‍👧',
    'עברית',
    ' ',
    '\n',
    'x'.repeat(100_000),
  ]
  t.deepEqual(await unnest('text', textArray(values)), values)
  await fc.assert(
    fc.asyncProperty(fc.array(texts, { maxLength: 20 }), async (strings) => {
      t.deepEqual(await unnest('text', textArray(strings)), strings)
    }),
    { numRuns: 50 },
  )
})

test('bytea[] arrives as it was: empty, every value, large', async (t) => {
  const every = new Uint8Array(256).map((_, i) => i)
  const values = [new Uint8Array(0), every, new Uint8Array(65_536).fill(0xff), every.subarray(10, 20)]
  const { rows } = await pool.query<{ value: Buffer }>(
    'SELECT value FROM unnest($1::bytea[]) WITH ORDINALITY AS u(value, i) ORDER BY i',
    [byteaArray(values)],
  )
  t.deepEqual(
    rows.map(({ value }) => [...value]),
    values.map((value) => [...value]),
  )
})

test('an empty array of each type has no elements', async (t) => {
  t.deepEqual(await unnest('bigint', int8Array([])), [])
  t.deepEqual(await unnest('smallint', int2Array([])), [])
  t.deepEqual(await unnest('boolean', boolArray([])), [])
  t.deepEqual(await unnest('text', textArray([])), [])
  t.deepEqual(await unnest('bytea', byteaArray([])), [])
})
