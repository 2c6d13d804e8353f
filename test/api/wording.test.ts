import test from 'ava'
import { z } from 'zod'
import { wordingOf } from '../../src/api/wording.ts'

const schema = z.strictObject({
  text: z.string().min(1).max(3).optional(),
  long: z.string().min(2).optional(),
  count: z.int().min(2).max(4).optional(),
  share: z.number().optional(),
  flag: z.boolean().optional(),
  list: z.array(z.string()).min(1).max(1).optional(),
  object: z.object({ name: z.string() }).optional(),
  kind: z.enum(['a', 'b']).optional(),
  nothing: z.null().optional(),
  either: z.union([z.string(), z.object({})]).optional(),
  pattern: z.string().regex(/^x$/).optional(),
})

const cases: readonly (readonly [unknown, string])[] = [
  [{ text: 1 }, 'must be text'],
  [{ text: '' }, 'must not be empty'],
  [{ text: 'long' }, 'must have 3 characters at most'],
  [{ long: 'x' }, 'must have 2 characters at least'],
  [{ count: '1' }, 'must be a number'],
  [{ count: 2.5 }, 'must be a whole number'],
  [{ count: 1 }, 'must be 2 at least'],
  [{ count: 5 }, 'must be 4 at most'],
  [{ share: Number.NaN }, 'must be a number'],
  [{ share: Infinity }, 'must be a number'],
  [{ flag: 'yes' }, 'must be true or false'],
  [{ list: {} }, 'must be a list'],
  [{ list: [] }, 'must have 1 entry at least'],
  [{ list: ['1', '2'] }, 'must have 1 entry at most'],
  [{ object: [] }, 'must be an object'],
  [{ object: {} }, 'is missing'],
  [{ kind: 'c' }, 'must be "a" or "b"'],
  [{ nothing: 1 }, 'must be null'],
  [{ either: 1 }, 'must have one of the forms that the description of the API shows'],
  [{ pattern: 'y' }, 'is not written as the description of the API says'],
  [[], 'must be an object'],
  [undefined, 'is missing'],
]

test('what is wrong is said in words for people', (t) => {
  for (const [value, wording] of cases) {
    const { error } = schema.safeParse(value, { error: wordingOf })
    t.deepEqual(
      error?.issues.map(({ message }) => message),
      [wording],
      JSON.stringify(value),
    )
  }
})
