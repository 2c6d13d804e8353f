import { z } from 'zod'
import { type ErrorCode, errorCodes } from '../../proto/error-codes.ts'
import { problemSchema } from './problem.ts'
import type { Route } from './route.ts'

type Json = Record<string, unknown>

const ABOUT = `Accounts, and messages of hosted devices. Apps speak WebSocket at \`/v1/ws\` instead. Every error is a problem
document (RFC 9457) with a stable \`code\`.

To try it here, register a device, whose token the other operations need:

1. Ask for a code by \`POST /v1/registrations\`. It comes by text message; a server that sends none writes it into its log.
2. Put it in the place of \`123456\` in the example of \`POST /v1/registrations/verify\`, and execute that. With
   \`"hosted": true\`, as there, the device can use \`/messages\`. The answer has a \`token\`.
3. Press *Authorize* above and paste the token.

To have somebody to write to, register +15550000002 in the same way before.
`

/** What any request may be answered with, beside the errors of its route. */
const commonErrors: readonly ErrorCode[] = ['BAD_REQUEST', 'RATE_LIMITED', 'INTERNAL', 'OVERLOADED', 'UNAVAILABLE']
const bodyErrors: readonly ErrorCode[] = ['TOO_LARGE', 'REQUEST_TIMEOUT', 'UNSUPPORTED_MEDIA_TYPE']

/** Describes the routes in OpenAPI 3.1, from the schemas that check their requests. */
export function createOpenApi(routes: readonly Route[], serverUrl: string): Json {
  const components = new Map<string, Json>()
  const paths: Record<string, Json> = {}
  for (const route of routes.filter(({ hidden }) => !hidden)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, components) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Parley',
      version: '1',
      description: ABOUT,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: serverUrl }],
    tags: [...new Set(routes.filter(({ hidden }) => !hidden).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(components),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'The `token` in the answer of POST /v1/registrations/verify',
        },
      },
    },
  }
}

function describeRoute(route: Route, components: Map<string, Json>): Json {
  const { method, path, tag, summary, description, body, bytes, auth } = route
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_, first: string) => first.toUpperCase())}`,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(auth === 'token' ? { security: [{ token: [] }] } : {}),
    parameters: describeParameters(route, components),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: describeSchema(body, 'input', components), ...exampleOf(body) } },
          },
        }),
    ...(bytes === undefined ? {} : { requestBody: { required: true, content: { 'application/octet-stream': {} } } }),
    responses: { ...describeAnswers(route, components), ...describeErrors(route, components) },
  }
}

/** What the page fills in: its own guess from the schema would not pass. */
function exampleOf(body: z.ZodType): Json {
  const examples = body.meta()?.examples as readonly unknown[] | undefined
  return examples === undefined ? {} : { example: examples[0] }
}

function describeParameters(route: Route, components: Map<string, Json>): Json[] {
  const params: Json = route.params === undefined ? {} : describeSchema(route.params, 'input', components)
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: ((params['properties'] ?? {}) as Record<string, Json>)[name] ?? { type: 'string' },
  }))
  const query: Json = route.query === undefined ? {} : describeSchema(route.query, 'input', components)
  const required = (query['required'] ?? []) as string[]
  const inQuery = Object.entries((query['properties'] ?? {}) as Record<string, Json>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'Of your choice: a repetition with the same key and body within 24 h gets the first answer again',
    schema: { type: 'string', pattern: '^[\\x20-\\x7e]{1,255}$' },
  }
  const inHeaders = Object.entries(route.headers ?? {}).map(([name, schema]) => ({
    name,
    in: 'header',
    required: true,
    schema: describeSchema(schema, 'input', components),
  }))
  return [...inPath, ...inQuery, ...inHeaders, ...(route.idempotent ? [key] : [])]
}

function describeAnswers(route: Route, components: Map<string, Json>): Json {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema }]) => {
      if (schema === undefined) return [status, { description }]
      const content = { 'application/json': { schema: describeSchema(schema, 'output', components) } }
      return [status, { description, content }]
    }),
  )
}

function describeErrors(route: Route, components: Map<string, Json>): Json {
  const codes = [
    ...(route.errors ?? []),
    ...(route.auth === 'token' ? (['UNAUTHENTICATED'] as const) : []),
    ...(route.body === undefined && route.bytes === undefined ? [] : bodyErrors),
    ...(route.idempotent ? (['IDEMPOTENCY_CONFLICT'] as const) : []),
    ...commonErrors,
  ]
  const byStatus = Object.groupBy(new Set(codes), (code) => errorCodes[code].status)
  const schema = describeSchema(problemSchema, 'output', components)
  return Object.fromEntries(
    Object.entries(byStatus)
      .filter(([status]) => !Object.hasOwn(route.answers, status))
      .map(([status, ofStatus = []]) => [
        status,
        { description: ofStatus.join(', '), content: { 'application/problem+json': { schema } } },
      ]),
  )
}

/** JSON Schema of a zod schema; the parts that have an id become components. */
function describeSchema(schema: z.ZodType, io: 'input' | 'output', components: Map<string, Json>): Json {
  const json = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  const text = JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')
  const { $schema: _, $defs = {}, ...own } = JSON.parse(text) as { $defs?: Record<string, Json> } & Json
  for (const [id, definition] of Object.entries($defs)) components.set(id, definition)
  return own
}
