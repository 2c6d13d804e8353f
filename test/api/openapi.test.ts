import { Validator } from '@seriousme/openapi-schema-validator'
import test from 'ava'
import { type ErrorCode, errorCodes } from '../../proto/error-codes.ts'
import { createOpenApi } from '../../src/api/openapi.ts'
import { openRoute } from '../../src/api/route.ts'
import { call } from '../helpers/http.ts'
import { shareServer } from '../helpers/server.ts'

interface Operation {
  readonly operationId: string
  readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>
  readonly parameters: readonly { name: string; in: string; required: boolean }[]
  readonly security?: unknown
  readonly requestBody?: unknown
}

interface OpenApi {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, unknown> }
}

const shared = shareServer(test)

test('the description is valid OpenAPI 3.1', async (t) => {
  const { body } = await call<OpenApi>(`${shared().url}/openapi.json`)
  t.is(body.openapi, '3.1.0')
  const result = await new Validator().validate(body as never)
  t.deepEqual(result.errors, undefined)
  t.true(result.valid)
})

test('every route is in it, each with a name of its own', async (t) => {
  const { paths } = (await call<OpenApi>(`${shared().url}/openapi.json`)).body
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  )
  const names = operations.map(({ name }) => name)
  for (const name of ['post /v1/registrations', 'post /v1/registrations/verify', 'post /messages', 'get /messages']) {
    t.true(names.includes(name), name)
  }
  for (const name of ['delete /messages', 'get /v1/me', 'patch /v1/me', 'delete /v1/me', 'get /livez', 'get /readyz']) {
    t.true(names.includes(name), name)
  }
  t.false(names.some((name) => name.includes('/docs')))
  t.is(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
})

test('an operation tells its parameters, its token and its errors', async (t) => {
  const { paths } = (await call<OpenApi>(`${shared().url}/openapi.json`)).body
  const send = paths['/messages']?.['post']
  t.deepEqual(send?.security, [{ token: [] }])
  t.deepEqual(
    send?.parameters.map(({ name }) => name),
    ['Idempotency-Key'],
  )
  t.truthy(send?.requestBody)
  t.deepEqual(Object.keys(send?.responses ?? {}), [
    '201',
    '400',
    '401',
    '403',
    '404',
    '408',
    '409',
    '413',
    '415',
    '429',
    '500',
    '503',
    '507',
  ])
  t.regex(send?.responses['503']?.description ?? '', /OVERLOADED, UNAVAILABLE/)
  const read = paths['/messages']?.['get']
  t.deepEqual(
    read?.parameters.map(({ name, in: where, required }) => [name, where, required]),
    [
      ['user_Id', 'query', false],
      ['limit', 'query', false],
    ],
  )
  t.is(paths['/livez']?.['get']?.security, undefined)
})

test('every error code can stand in a problem', async (t) => {
  const { components } = (await call<OpenApi>(`${shared().url}/openapi.json`)).body
  const problem = components.schemas['Problem'] as { properties: { code: { enum: ErrorCode[] } } }
  t.deepEqual(problem.properties.code.enum.toSorted(), (Object.keys(errorCodes) as ErrorCode[]).toSorted())
})

test('a part of a path is described as a parameter', (t) => {
  const route = openRoute({
    method: 'GET',
    path: '/things/:thing/parts/:part',
    tag: 'Things',
    summary: 'A part',
    answers: { 204: { description: 'Nothing' } },
    handle: () => ({ status: 204 }),
  })
  const { paths } = createOpenApi([route], '/') as unknown as OpenApi
  const operation = paths['/things/{thing}/parts/{part}']?.['get']
  t.deepEqual(
    operation?.parameters.map(({ name, in: where }) => [name, where]),
    [
      ['thing', 'path'],
      ['part', 'path'],
    ],
  )
})
