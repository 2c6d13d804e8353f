import test from 'ava'
import { Client } from 'pg'
import type { Problem } from '../../src/api/problem.ts'
import { call, register } from '../helpers/http.ts'
import { shareServer, startServer } from '../helpers/server.ts'

const shared = shareServer(test)

test('name and about are changed and read', async (t) => {
  const server = shared()
  const { token, user } = await register(server)
  const url = `${server.url}/v1/me`
  t.like((await call(url, { token })).body, { user, name: '', about: '', pin: false })
  const changed = await call(url, { method: 'PATCH', token, body: { name: '  Ann 🌻 ', about: 'On the road' } })
  t.is(changed.status, 200)
  t.like(changed.body, { name: 'Ann 🌻', about: 'On the road', pin: false })
  await call(url, { method: 'PATCH', token, body: { about: '' } })
  t.like((await call(url, { token })).body, { name: 'Ann 🌻', about: '' })
})

test('a PIN is set and removed, and never shown', async (t) => {
  const server = shared()
  const { token } = await register(server)
  const url = `${server.url}/v1/me`
  const set = await call(url, { method: 'PATCH', token, body: { pin: '271828' } })
  t.is(set.body['pin'], true)
  t.notRegex(JSON.stringify(set.body), /271828/)
  t.is((await call(url, { method: 'PATCH', token, body: { pin: null } })).body['pin'], false)
})

test('a change of nothing, of unknown fields or with wrong values is refused', async (t) => {
  const server = shared()
  const { token } = await register(server)
  const bodies = [
    {},
    { nam: 'x' },
    { user: '15550000002' },
    { pin: '123' },
    { pin: 'abcd' },
    { name: 'x'.repeat(65) },
    { name: 5 },
  ]
  for (const body of [...bodies, [], 'text', null]) {
    const answer = await call<Problem>(`${server.url}/v1/me`, { method: 'PATCH', token, body: JSON.stringify(body) })
    t.is(answer.status, 400, JSON.stringify(body))
    t.is(answer.body.code, 'BAD_REQUEST')
  }
})

test('without a good token nothing is answered', async (t) => {
  const server = shared()
  const { token } = await register(server)
  const other = await register(server)
  /** Its secret of one, its address of the other. */
  const mixed = token.slice(0, 44) + other.token.slice(44)
  const changed = [1, 30, 50].map((at) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1))
  const forged = [mixed, ...changed, token.slice(0, -1), `${token}A`, 'x', '']
  const headers: Record<string, string>[] = [{}, { authorization: token }, { authorization: `Basic ${token}` }]
  for (const one of forged) headers.push({ authorization: `Bearer ${one}` })
  for (const header of headers) {
    const answer = await call<Problem>(`${server.url}/v1/me`, { headers: header })
    t.is(answer.status, 401, JSON.stringify(header))
    t.is(answer.body.code, 'UNAUTHENTICATED')
    t.is(answer.headers.get('www-authenticate'), 'Bearer')
  }
})

test('wrong tokens are limited by address', async (t) => {
  const server = await startServer(t, { env: { LIMITS: '{"anonymous":{"burst":3,"perSecond":0.1}}' } })
  const statuses = []
  for (let attempt = 0; attempt < 4; attempt++) statuses.push((await call(`${server.url}/v1/me`)).status)
  t.deepEqual(statuses, [401, 401, 401, 429])
})

test('a user who asks too much is limited, and nobody else', async (t) => {
  const server = await startServer(t, { env: { LIMITS: '{"http":{"burst":2,"perSecond":0.1}}' } })
  const ann = await register(server)
  const bob = await register(server)
  const url = `${server.url}/v1/me`
  const statuses = []
  for (let attempt = 0; attempt < 3; attempt++) statuses.push((await call(url, { token: ann.token })).status)
  t.deepEqual(statuses, [200, 200, 429])
  t.is((await call(url, { token: bob.token })).status, 200)
})

test('deleting the account removes everything of the user', async (t) => {
  const server = shared()
  const hosted = { hosted: true }
  const { token, user } = await register(server, undefined, hosted)
  const other = await register(server, undefined, hosted)
  const headers = { 'idempotency-key': 'a' }
  const theirs = { token: other.token, headers, body: { reciever_ID: user, type: 'text', text: 'hi' } }
  t.is((await call(`${server.url}/messages`, theirs)).status, 201)
  // Their own message, under a key; and a code that is on its way.
  const own = { token, headers, body: { reciever_ID: other.user, type: 'text', text: 'ho' } }
  t.is((await call(`${server.url}/messages`, own)).status, 201)
  await call(`${server.url}/v1/registrations`, { body: { phone: `+${user}` } })

  const deleted = await call(`${server.url}/v1/me`, { method: 'DELETE', token })
  t.is(deleted.status, 204)
  t.is((await call(`${server.url}/v1/me`, { token })).status, 401)
  const client = new Client(server.databaseUrl)
  await client.connect()
  for (const table of ['users', 'devices', 'registrations', 'idempotency_keys', 'envelopes']) {
    const rows = await client.query(`SELECT FROM ${table} WHERE user_id = $1`, [user])
    t.is(rows.rowCount, 0, table)
  }
  await client.end()
  const refused = await call<Problem>(`${server.url}/v1/me`, { method: 'DELETE', token })
  t.is(refused.body.code, 'UNAUTHENTICATED')
  const again = await register(server, `+${user}`, hosted)
  t.deepEqual((await call(`${server.url}/messages`, { token: again.token })).body['messages'], [])
})
