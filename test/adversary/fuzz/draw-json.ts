import type { Random } from '../../model/random.ts'

/** What is used of JSON Schema. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly examples?: readonly unknown[]
  readonly maxItems?: number
  readonly maxLength?: number
  readonly pattern?: string
}

const MOST_ITEMS = 1_000
/** Of what no schema allows. */
const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  '\0',
  '😀'.repeat(100),
  [],
  {},
  [[[]]],
  { __proto__: 1 },
  'x'.repeat(50_000),
]

/** A value that a schema describes; now and then another, in one place. */
export function drawJson(
  random: Random,
  schema: Schema,
  schemas: Readonly<Record<string, Schema>>,
  users: readonly number[],
): unknown {
  const draw = (one: Schema): unknown => drawJson(random, one, schemas, users)
  if (random.chance(0.03)) return random.pick(ODD)
  if (schema.$ref !== undefined) return draw(schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)] ?? {})
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return random.pick(schema.enum)
  if (schema.examples !== undefined && random.chance(0.5)) return random.pick(schema.examples)
  const choices = schema.oneOf ?? schema.anyOf
  if (choices !== undefined) return draw(random.pick(choices))
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map((one) => draw(one)))
  switch (schema.type) {
    case 'object':
      return drawObject(random, schema, draw)
    case 'array': {
      const most = Math.min(schema.maxItems ?? 10, MOST_ITEMS)
      return Array.from({ length: random.chance(0.05) ? most : random.int(Math.min(4, most + 1)) }, () =>
        draw(schema.items ?? {}),
      )
    }
    case 'integer':
    case 'number':
      return random.chance(0.5) ? random.int(10) : random.int(2 ** 31)
    case 'boolean':
      return random.chance(0.5)
    default:
      return drawText(random, schema, users)
  }
}

function drawObject(
  random: Random,
  { properties = {}, required = [] }: Schema,
  draw: (one: Schema) => unknown,
): object {
  const entries = Object.entries(properties)
    .filter(([name]) => random.chance(required.includes(name) ? 0.98 : 0.4))
    .map(([name, one]) => [name, draw(one)] as const)
  return Object.fromEntries(random.chance(0.03) ? [...entries, ['unknown', 1]] : entries)
}

function drawText(random: Random, { maxLength = 40, pattern }: Schema, users: readonly number[]): string {
  if (random.chance(0.4)) return `${random.chance(0.5) ? '+' : ''}${random.pick(users)}`
  if (pattern !== undefined && /A-Za-z0-9/.test(pattern)) return Buffer.alloc(random.int(100), 7).toString('base64')
  if (random.chance(0.3)) return String(random.int(1_000_000)).padStart(6, '0')
  return 'x'.repeat(random.int(Math.min(maxLength, 10_000) + 1))
}
