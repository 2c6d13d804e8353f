import test from 'ava'
import type { z } from 'zod'
import { createOpenApi } from '../../src/api/openapi.ts'
import type { Route } from '../../src/api/route.ts'
import { backupRoutes } from '../../src/api/routes/backup.ts'
import { contactRoutes } from '../../src/api/routes/contacts.ts'
import { deviceRoutes } from '../../src/api/routes/devices.ts'
import { healthRoutes } from '../../src/api/routes/health.ts'
import { keyRoutes } from '../../src/api/routes/keys.ts'
import { linkRoutes } from '../../src/api/routes/links.ts'
import { meRoutes } from '../../src/api/routes/me.ts'
import { messageRoutes } from '../../src/api/routes/messages.ts'
import { metricsRoutes } from '../../src/api/routes/metrics.ts'
import { registrationRoutes } from '../../src/api/routes/registrations.ts'
import { call } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { candidates } from './schemas/candidates.ts'
import { isValid } from './schemas/json-schema.ts'
import type { JsonSchema } from './schemas/json-schema.ts'

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: JsonSchema
}

interface Operation {
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: JsonSchema }>> }
}

const MAX_CONTACTS = 20

/** Nothing is asked of their parts: only their schemas are looked at. */
const parts = {} as never
const routes: readonly Route[] = [
  ...registrationRoutes(parts),
  ...meRoutes(parts, parts),
  ...contactRoutes(parts, MAX_CONTACTS),
  ...deviceRoutes(parts),
  ...linkRoutes(parts),
  ...backupRoutes(parts, 0),
  ...keyRoutes(parts),
  ...messageRoutes(parts, parts),
  ...healthRoutes(parts),
  ...metricsRoutes(parts),
]
const { paths } = createOpenApi(routes, '/') as unknown as { paths: Record<string, Record<string, Operation>> }
const describedAs = ({ path }: Route): string => path.replaceAll(/:(\w+)/g, '{$1}')
const operationOf = (route: Route): Operation => paths[describedAs(route)]![route.method.toLowerCase()]!

test.serial('all operations of a node are looked at here', async (t) => {
  const { url } = await startNode(t)
  const served = (await call<{ paths: object }>(`${url}/openapi.json`)).body.paths
  t.deepEqual(Object.keys(served).toSorted(), [...Object.keys(paths), '/openapi.json'].toSorted())
})

/** Values of which the description and the check think differently, and how many there were on each side. */
function compare(schema: JsonSchema, check: z.ZodType, values = candidates(schema), write = (value: unknown) => value) {
  const counts = { good: 0, bad: 0 }
  const differing = values.flatMap((value) => {
    const valid = isValid(schema, value)
    counts[valid ? 'good' : 'bad']++
    const { success, error } = check.safeParse(write(value))
    if (success === valid) return []
    return [{ value: JSON.stringify(value).slice(0, 200), described: valid, error: error?.issues[0]?.message }]
  })
  return { ...counts, differing: differing.slice(0, 5) }
}

for (const route of routes) {
  const { method, path, body, query, params } = route
  const operation = operationOf(route)
  if (body !== undefined) {
    test(`${method} ${path}: what its body may be is described as it is checked`, (t) => {
      const schema = operation.requestBody?.content['application/json']?.schema
      const { good, bad, differing } = compare(schema!, body)
      t.deepEqual(differing, [])
      t.true(good > 0 && bad > 0)
    })
  }
  for (const [where, check] of [
    ['query', query],
    ['path', params],
  ] as const) {
    const described = operation.parameters.filter((one) => one.in === where)
    if (check === undefined) {
      test(`${method} ${path}: its ${where} has no parts`, (t) => t.deepEqual(described, []))
      continue
    }
    test(`${method} ${path}: what its ${where} may be is described as it is checked`, (t) => {
      const schema: JsonSchema = {
        type: 'object',
        properties: Object.fromEntries(described.map((one) => [one.name, one.schema])),
        required: described.filter((one) => one.required).map((one) => one.name),
        additionalProperties: false,
      }
      const values = candidates(schema).filter((value) => inAddress(schema, value))
      const { good, bad, differing } = compare(schema, check, values, writeAddress)
      t.deepEqual(differing, [])
      t.true(good > 0 && bad > 0)
    })
  }
}

/** In an address everything is text, and a whole number is its digits. */
function inAddress({ properties = {} }: JsonSchema, value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([name, one]) => {
    if (properties[name]?.type === 'integer')
      return typeof one === 'number' || (typeof one === 'string' && !/^\d+$/.test(one))
    return typeof one === 'string'
  })
}

function writeAddress(value: unknown): unknown {
  return Object.fromEntries(Object.entries(value as object).map(([name, one]) => [name, String(one)]))
}
