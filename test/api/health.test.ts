import test from 'ava'
import { checkHealth } from '../../src/api/health.ts'
import { call, newPhone } from '../helpers/http.ts'
import { shareServer } from '../helpers/server.ts'

interface Report {
  readonly ready: boolean
  readonly checks: Record<string, { state: string; reason?: string }>
}

const shared = shareServer(test)

test('a node that serves is live and ready', async (t) => {
  t.deepEqual((await call<unknown>(`${shared().url}/livez`)).body, { live: true })
  const ready = await call<Report>(`${shared().url}/readyz`)
  t.is(ready.status, 200)
  t.true(ready.body.ready)
  t.deepEqual(ready.body.checks['database'], { state: 'ok' })
  t.deepEqual(ready.body.checks['node'], { state: 'ok' })
})

test('a degraded part is told and leaves the node ready, a failed one does not', async (t) => {
  const degraded = { state: 'degraded', reason: 'the bus is away' } as const
  const one = await checkHealth({ a: () => ({ state: 'ok' }), b: () => degraded }, 1_000)
  t.deepEqual(one, { ready: true, checks: { a: { state: 'ok' }, b: degraded } })
  const two = await checkHealth({ b: () => degraded, c: () => Promise.reject(new TypeError('secret')) }, 1_000)
  t.deepEqual(two, { ready: false, checks: { b: degraded, c: { state: 'failed', reason: 'TypeError' } } })
})

test('a part that does not answer in time has failed', async (t) => {
  const never = new Promise<never>(() => undefined)
  const report = await checkHealth({ a: () => never }, 10)
  t.deepEqual(report, { ready: false, checks: { a: { state: 'failed', reason: 'no answer in 10 ms' } } })
})

test('metrics count by route and never by user', async (t) => {
  const phone = newPhone()
  await call(`${shared().url}/v1/registrations`, { body: { phone } })
  await call(`${shared().url}/no/such/${phone}`)
  const { body, headers } = await call<string>(`${shared().url}/metrics`)
  t.regex(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  t.regex(body, /parley_verification_codes_total\{outcome="sent"\} [1-9]/)
  t.regex(
    body,
    /parley_http_request_duration_seconds_count\{method="POST",route="\/v1\/registrations",status="202"\} [1-9]/,
  )
  t.regex(body, /parley_http_request_duration_seconds_count\{method="GET",route="none",status="404"\} 1/)
  t.regex(body, /process_resident_memory_bytes/)
  t.false(body.includes(phone.slice(1)))
})
