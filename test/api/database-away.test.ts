import test from 'ava'
import type { Problem } from '../../src/api/problem.ts'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { createDataDir } from '../helpers/data-dir.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { startServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

test('without PostgreSQL a node says so, costs nobody a code, and works again when it is back', async (t) => {
  const dataDir = await createDataDir(t)
  const postgres = await EmbeddedPostgres.start({ dataDir })
  const server = await startServer(t, { databaseUrl: postgres.url })
  const { token } = await register(server)
  await postgres.stop()

  const ready = await call<{ checks: Record<string, unknown> }>(`${server.url}/readyz`)
  t.is(ready.status, 503)
  t.like(ready.body.checks['database'], { state: 'failed' })
  t.is((await call(`${server.url}/livez`)).status, 200)
  const requests = [
    call<Problem>(`${server.url}/v1/registrations`, { body: { phone: newPhone() } }),
    call<Problem>(`${server.url}/v1/registrations/verify`, { body: { phone: newPhone(), code: '123456' } }),
    call<Problem>(`${server.url}/v1/me`, { token, method: 'PATCH', body: { name: 'x' } }),
  ]
  for (const answer of await Promise.all(requests)) {
    t.is(answer.status, 503)
    t.is(answer.body.code, 'UNAVAILABLE')
    t.is(answer.headers.get('retry-after'), '1')
  }
  t.is(server.sms.sent.length, 1)

  const again = await EmbeddedPostgres.start({ dataDir })
  t.teardown(() => again.stop())
  await waitUntil('readyz is green', async () => (await call(`${server.url}/readyz`)).status === 200)
  t.is((await call(`${server.url}/v1/me`, { token })).status, 200)
})
