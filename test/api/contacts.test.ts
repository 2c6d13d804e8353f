import test from 'ava'
import { Client } from 'pg'
import type { Problem } from '../../src/api/problem.ts'
import { call, register } from '../helpers/http.ts'
import { shareServer } from '../helpers/server.ts'

const shared = shareServer(test)

test('contacts are replaced as a whole, each once, in the order of their numbers', async (t) => {
  const { url } = shared()
  const { token } = await register(shared())
  const put = (users: unknown) => call(`${url}/v1/contacts`, { method: 'PUT', token, body: { users } })
  const list = async () => (await call(`${url}/v1/contacts`, { token })).body['users']
  t.deepEqual(await list(), [])
  t.is((await put(['+15550000003', 15_550_000_001, '15550000002', '15550000001'])).status, 204)
  t.deepEqual(await list(), ['15550000001', '15550000002', '15550000003'])
  await put(['15550000002', '4915550000009'])
  t.deepEqual(await list(), ['15550000002', '4915550000009'])
  await put([])
  t.deepEqual(await list(), [])
})

test('a contact whose number is written otherwise than it should be is refused by its place, with the right number', async (t) => {
  const { url } = shared()
  const { token } = await register(shared())
  const users = ['15550000001', '4407911123456']
  const answer = await call<Problem>(`${url}/v1/contacts`, { method: 'PUT', token, body: { users } })
  t.is(answer.status, 400)
  t.like(answer.body.errors?.[0], { field: 'users.1' })
  t.regex(JSON.stringify(answer.body.errors), /must be \+447911123456, not/)
})

test('lists that come together end as one of them', async (t) => {
  const { url } = shared()
  const { token } = await register(shared())
  const lists = Array.from({ length: 8 }, (_, i) => Array.from({ length: 50 }, (_, j) => `1555${i}${100 + j}`))
  const answers = await Promise.all(
    lists.map((users) => call(`${url}/v1/contacts`, { method: 'PUT', token, body: { users } })),
  )
  t.true(answers.every(({ status }) => status === 204))
  const { users } = (await call<{ users: string[] }>(`${url}/v1/contacts`, { token })).body
  t.is(new Set(users.map((user) => user[4])).size, 1)
  t.is(users.length, 50)
})

test('as many contacts as a user may name are taken, and no more', async (t) => {
  const { url } = shared()
  const { token } = await register(shared())
  const users = Array.from({ length: 5_001 }, (_, i) => String(491_555_000_000_000 + i))
  const put = (some: readonly string[]) => call(`${url}/v1/contacts`, { method: 'PUT', token, body: { users: some } })
  t.is((await put(users)).status, 400)
  t.is((await put(users.slice(1))).status, 204)
  const listed = (await call<{ users: string[] }>(`${url}/v1/contacts`, { token })).body
  t.deepEqual(listed.users, users.slice(1))
})

test('what is no list of users is refused, and nothing changes', async (t) => {
  const { url } = shared()
  const { token } = await register(shared())
  await call(`${url}/v1/contacts`, { method: 'PUT', token, body: { users: ['15550000001'] } })
  for (const body of [{}, { users: '15550000001' }, { users: [0] }, { users: ['x'] }, { users: [], more: 1 }, []]) {
    const answer = await call<Problem>(`${url}/v1/contacts`, { method: 'PUT', token, body: JSON.stringify(body) })
    t.is(answer.status, 400, JSON.stringify(body))
    t.is(answer.body.code, 'BAD_REQUEST')
  }
  t.is((await call(`${url}/v1/contacts`)).status, 401)
  t.deepEqual((await call(`${url}/v1/contacts`, { token })).body['users'], ['15550000001'])
})

test('the choice of who sees the presence is everyone at first, is changed, and shown', async (t) => {
  const { url } = shared()
  const { token } = await register(shared())
  t.is((await call(`${url}/v1/me`, { token })).body['lastSeen'], 'everyone')
  for (const lastSeen of ['nobody', 'contacts', 'everyone']) {
    const { body } = await call(`${url}/v1/me`, { method: 'PATCH', token, body: { lastSeen } })
    t.is(body['lastSeen'], lastSeen)
  }
  for (const lastSeen of ['some', '', null, 1]) {
    t.is((await call(`${url}/v1/me`, { method: 'PATCH', token, body: { lastSeen } })).status, 400)
  }
})

test('contacts and the choice go with the account, and stay when it is registered again', async (t) => {
  const server = shared()
  const { token, user } = await register(server)
  await call(`${server.url}/v1/contacts`, { method: 'PUT', token, body: { users: ['15550000001'] } })
  await call(`${server.url}/v1/me`, { method: 'PATCH', token, body: { lastSeen: 'nobody' } })
  const again = await register(server, `+${user}`)
  t.is((await call(`${server.url}/v1/me`, { token: again.token })).body['lastSeen'], 'nobody')
  t.deepEqual((await call(`${server.url}/v1/contacts`, { token: again.token })).body['users'], ['15550000001'])
  await call(`${server.url}/v1/me`, { method: 'DELETE', token: again.token })
  const client = new Client(server.databaseUrl)
  await client.connect()
  t.is((await client.query('SELECT FROM contacts WHERE user_id = $1', [user])).rowCount, 0)
  await client.end()
  const fresh = await register(server, `+${user}`)
  t.is((await call(`${server.url}/v1/me`, { token: fresh.token })).body['lastSeen'], 'everyone')
})
