import { readFile } from 'node:fs/promises'
import test from 'ava'
import { Registry } from 'prom-client'
import { MsHistogram } from '../../src/shared/ms-histogram.ts'
import { Tally } from '../../src/shared/tally.ts'
import { Device, message } from '../helpers/device.ts'
import { call } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { proxyHeader } from '../helpers/proxy-header.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[]
}

const textOf = async ({ url }: TestServer): Promise<string> => (await call<string>(`${url}/metrics`)).body

/** The value of a metric without labels, or with just these. */
function valueOf(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

test('the life of messages shows in the metrics, and no user does', async (t) => {
  const server = await startNode(t, { config: { storage: { mailboxSampleIntervalMs: 20 } } })
  const [alice, bob, carol] = [
    (await createAccount(server.databaseUrl))[0]!,
    (await createAccount(server.databaseUrl))[0]!,
    (await createAccount(server.databaseUrl))[0]!,
  ]
  const a = await Device.connect(server.url, alice.token, { acks: true })
  const b = await Device.connect(server.url, bob.token)
  await b.caughtUp()
  for (let i = 0; i < 5; i++) await a.say(carol, `stored ${i}`, { first: true })
  for (let i = 0; i < 3; i++) await a.say(bob, `live ${i}`)
  const unknown = message({ user: 15_999_999_999 }, 'to nobody')
  a.send(unknown)
  await a.refused(unknown.id)
  b.close()
  await waitUntil('the session has left', async () => {
    return valueOf(await textOf(server), 'parley_redeliveries_total') === 3
  })
  await waitUntil('the mailboxes were looked at', async () => {
    return valueOf(await textOf(server), 'parley_mailbox_deepest{shard="1"}') === 5
  })

  const text = await textOf(server)
  const expected: Record<string, number> = {
    parley_accept_seconds_count: 8,
    parley_deliver_seconds_count: 3,
    'parley_deliver_seconds_bucket{le="+Inf"}': 3,
    'parley_sends_refused_total{code="UNKNOWN_USER"}': 1,
    'parley_connects_total{result="ok"}': 2,
    parley_connections: 1,
    parley_mailbox_actors: 1,
    parley_bus_connected: 1,
    parley_overload_level: 0,
    'parley_shed_total{what="send"}': 0,
    'parley_journal_away{shard="1"}': 0,
    'parley_bus_requests_total{result="timeout"}': 0,
  }
  for (const [name, value] of Object.entries(expected)) t.is(valueOf(text, name), value, name)
  t.true(valueOf(text, 'parley_mailbox_oldest_seconds{shard="1"}') > 0)
  t.true(valueOf(text, 'parley_event_loop_delay_seconds') >= 0)
  t.true(valueOf(text, 'parley_journal_flush_rows_count') > 0)
  for (const { user } of [alice, bob, carol]) t.false(text.includes(String(user)))
})

test('every metric that the dashboard shows is there', async (t) => {
  const server = await startNode(t)
  const text = await textOf(server)
  const there = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name!))
  const dashboard = JSON.parse(await readFile('config/grafana-dashboard.json', 'utf8')) as Dashboard
  const shown = dashboard.panels
    .flatMap(({ targets = [] }) => targets)
    .flatMap(({ expr }) => expr.match(/\b(?:parley|process|nodejs)_\w+/g) ?? [])
  t.true(shown.length > 30)
  const nameOf = (series: string): string => (there.has(series) ? series : series.replace(/_(bucket|sum|count)$/, ''))
  t.deepEqual(
    [...new Set(shown)].filter((series) => !there.has(nameOf(series))),
    [],
  )
})

test('every metric of the project is on the dashboard', async (t) => {
  const text = await textOf(await startNode(t))
  const dashboard = await readFile('config/grafana-dashboard.json', 'utf8')
  const missing = [...text.matchAll(/^# TYPE (parley_\w+) /gm)]
    .map(([, name]) => name!)
    .filter((name) => !dashboard.includes(name))
  t.deepEqual(missing, [])
})

test('a histogram of ms counts what is at most its bound, and adds up in seconds', async (t) => {
  const registry = new Registry()
  const histogram = new MsHistogram('test_seconds', 'Of a test', [1, 10], registry)
  for (const ms of [-5, 0, 1, 2, 10, 11, 1_000]) histogram.observe(ms)
  t.deepEqual(
    (await registry.metrics()).split('\n').filter((line) => line !== ''),
    [
      '# HELP test_seconds Of a test',
      '# TYPE test_seconds histogram',
      'test_seconds_bucket{le="0.001"} 3',
      'test_seconds_bucket{le="0.01"} 5',
      'test_seconds_bucket{le="+Inf"} 7',
      'test_seconds_sum 1.024',
      'test_seconds_count 7',
    ],
  )
})

test('a tally shows each of its values, counted once however often it is asked', async (t) => {
  const registry = new Registry()
  const tally = new Tally({ name: 'test_total', help: 'Of a test', label: 'what', values: ['a', 'b'], registry })
  tally.add('b')
  tally.add('b')
  await registry.metrics()
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('test_total'))
  t.deepEqual(lines, ['test_total{what="a"} 0', 'test_total{what="b"} 2'])
})

test('metrics are for programs of the same machine, behind a proxy too', async (t) => {
  const server = await startNode(t, { env: { TRUSTED_PROXIES: '127.0.0.1' } })
  const ask = async (address: string): Promise<string> => {
    const connection = await RawConnection.open(server.url)
    t.teardown(() => connection.end())
    connection.send(proxyHeader(address).toString('latin1') + 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    await waitUntil('it is answered', () => connection.received.includes('\r\n\r\n'))
    return connection.received.slice(0, 12)
  }
  t.is(await ask('192.0.2.1'), 'HTTP/1.1 404')
  t.is(await ask('127.0.0.1'), 'HTTP/1.1 200')
  t.is((await fetch(`${server.url}/metrics`)).status, 200)
})

test('metrics are not for the world behind a proxy that the node does not know', async (t) => {
  const server = await startNode(t)
  const headers = { 'x-forwarded-for': '203.0.113.7' }
  t.is((await call(`${server.url}/metrics`, { headers })).status, 404)
})

test('metrics with a port of their own are there alone, and nothing else is', async (t) => {
  const server = await startNode(t, { env: { METRICS_PORT: '0' } })
  t.is((await call(`${server.url}/metrics`)).status, 404)
  const own = `http://127.0.0.1:${server.node.metricsPort}`
  t.true(valueOf((await call<string>(`${own}/metrics`)).body, 'parley_http_connections') > 0)
  for (const path of ['/', '/livez', '/v1/me', '/metrics/x']) t.is((await call(own + path)).status, 404)
  t.is((await call(`${own}/metrics`, { method: 'POST' })).status, 404)
})

test('a port of the metrics that is taken stops the start with one line', async (t) => {
  const first = await startNode(t, { env: { METRICS_PORT: '0' } })
  const port = first.node.metricsPort
  const second = startNode(t, { databaseUrl: first.databaseUrl, env: { METRICS_PORT: String(port) } })
  await t.throwsAsync(second, { message: `METRICS_PORT: cannot listen on 127.0.0.1, port ${port} (EADDRINUSE)` })
})
