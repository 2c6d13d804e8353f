import type { Random } from '../../model/random.ts'
import type { HttpRequest } from '../attack-http.ts'
import { drawUser } from './draw-frame.ts'
import { drawJson } from './draw-json.ts'
import type { Schema } from './draw-json.ts'

export interface Route {
  readonly method: string
  readonly path: string
  readonly query: readonly { readonly name: string; readonly schema: Schema }[]
  readonly headers: readonly string[]
  readonly body: Schema | undefined
  /** Takes bytes that are no JSON. */
  readonly bytes: boolean
}

interface Operation {
  readonly parameters?: readonly { name: string; in: string; schema?: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema?: Schema }>> }
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** The routes that a server describes. */
export function readRoutes({ paths }: OpenApi): Route[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      query: parameters.filter((one) => one.in === 'query').map(({ name, schema }) => ({ name, schema: schema ?? {} })),
      headers: parameters.filter((one) => one.in === 'header').map(({ name }) => name),
      body: requestBody?.content['application/json']?.schema,
      bytes: requestBody?.content['application/octet-stream'] !== undefined,
    })),
  )
}

export interface DrawnRequest extends HttpRequest {
  readonly path: string
}

/** A request to a route that mostly keeps its description. */
export function drawRequest(
  random: Random,
  { paths, components }: OpenApi,
  { users, token }: { readonly users: readonly number[]; readonly token: string },
): DrawnRequest {
  const routes = readRoutes({ paths, components })
  // Else nobody would be left after a few steps.
  const staying = routes.filter(({ method, path }) => method !== 'DELETE' || path !== '/v1/me')
  const route = random.pick(random.chance(0.9) ? staying : routes)
  const json = (schema: Schema): unknown => drawJson(random, schema, components.schemas, users)
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => drawSegment(random, name, users))
  const query = route.query
    .filter(() => random.chance(0.5))
    // Nobody waits 20 s for what does not come.
    .map(({ name, schema }) => [name, name === 'wait' ? '0' : String(json(schema))] as [string, string])
  const headers = Object.fromEntries(
    route.headers.filter(() => random.chance(0.6)).map((name) => [name, drawHeader(random, name)]),
  )
  return {
    method: route.method,
    path: query.length === 0 ? path : `${path}?${new URLSearchParams(query)}`,
    headers,
    ...(random.chance(0.9) ? { token } : random.chance(0.5) ? { token: 'none' } : {}),
    ...(route.body === undefined ? {} : { body: json(route.body) }),
    ...(route.bytes ? { body: Buffer.alloc(random.int(2) * random.int(100_000) + 1, 1) } : {}),
  }
}

function drawSegment(random: Random, name: string, users: readonly number[]): string {
  if (random.chance(0.05)) return encodeURIComponent('%00é/..')
  return name === 'user' ? String(drawUser(random, users)) : 'A'.repeat(22)
}

function drawHeader(random: Random, name: string): string {
  if (name === 'Idempotency-Key')
    return random.chance(0.3) ? 'the same' : String(random.int(2 ** 31)).repeat(1 + random.int(20))
  return Buffer.alloc(random.chance(0.8) ? 16 : random.int(64), random.int(256)).toString('base64')
}
