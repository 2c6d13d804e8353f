import { once } from 'node:events'
import test from 'ava'
import { WebSocket } from 'ws'
import { encodeClientFramesJson } from '../../proto/codec.ts'
import type { Problem } from '../../src/api/problem.ts'
import { connectFrame } from '../helpers/device.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import { shareServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const shared = shareServer(test)

test('broken bodies are refused with a problem', async (t) => {
  const bodies = [
    '{',
    '{"phone":',
    'nothing',
    '{"phone":"+15550000001"}x',
    "{'phone':1}",
    '\u0000',
    '{"phone":"\ud800"',
  ]
  for (const body of bodies) {
    const answer = await call<Problem>(`${shared().url}/v1/registrations`, { body })
    t.is(answer.status, 400, body)
    t.is(answer.headers.get('content-type'), 'application/problem+json')
    t.like(answer.body, { type: 'about:blank', title: 'Bad Request', status: 400, code: 'BAD_REQUEST' })
  }
})

test('the cookies that other programs of this host have set are in nobody’s way', async (t) => {
  const { url } = shared()
  const { token } = await register(shared())
  const headers = { cookie: Array.from({ length: 120 }, (_, i) => `program-${i}=${'x'.repeat(95)}`).join('; ') }
  t.true(headers.cookie.length > 12_000)
  t.is((await fetch(`${url}/livez`, { headers })).status, 200)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, 'parley.v1.json', { headers })
  await once(socket, 'open')
  socket.send(encodeClientFramesJson([connectFrame(token)]))
  const [data] = (await once(socket, 'message')) as [Buffer]
  t.regex(data.toString(), /"connected"/)
  socket.terminate()
})

test('a body that is no UTF-8 is refused', async (t) => {
  const body = Buffer.concat([Buffer.from('{"phone":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${shared().url}/v1/registrations`, { method: 'POST', headers, body })
  t.is(response.status, 400)
})

test('deeply nested JSON is refused, also when it is valid', async (t) => {
  for (const depth of [33, 50_000]) {
    const deep = '['.repeat(depth) + ']'.repeat(depth)
    for (const body of [deep, `{"phone":${deep}}`, '{"a":'.repeat(depth / 2)]) {
      const answer = await call<Problem>(`${shared().url}/v1/registrations`, { body })
      t.is(answer.status, 400)
      t.is(answer.body.code, 'BAD_REQUEST')
    }
  }
  const brackets = await call<Problem>(`${shared().url}/v1/registrations`, { body: { phone: '['.repeat(1_000) } })
  t.is(brackets.body.errors?.[0]?.field, 'phone')
})

test('a body of another kind is refused', async (t) => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'multipart/form-data']) {
    const answer = await call<Problem>(`${shared().url}/v1/registrations`, {
      body: { phone: newPhone() },
      headers: { 'content-type': type },
    })
    t.is(answer.status, 415, type)
    t.is(answer.body.code, 'UNSUPPORTED_MEDIA_TYPE')
  }
  for (const type of ['application/json; charset=utf-8', 'application/vnd.parley+json']) {
    const request = { body: { phone: newPhone() }, headers: { 'content-type': type } }
    t.is((await call(`${shared().url}/v1/registrations`, request)).status, 202, type)
  }
})

test('a body over the limit is refused before it has arrived', async (t) => {
  const connection = await RawConnection.open(shared().url)
  connection.send('POST /v1/registrations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{"phone"')
  await waitUntil('the request is refused', () => connection.received.endsWith('}'))
  t.regex(connection.received, /^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n[^]*"code":"TOO_LARGE"/)
})

test('an endless body is refused and then not read any more, whatever the answer is', async (t) => {
  const heads = [
    'POST /v1/registrations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST /messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'PUT /v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n',
  ]
  const chunk = `1000\r\n${' '.repeat(0x1000)}\r\n`
  for (const [index, status] of [413, 401, 404, 200, 405].entries()) {
    const connection = await RawConnection.open(shared().url)
    connection.send(heads[index] ?? '')
    await waitUntil('it is answered, and nothing more is taken', () => {
      let taken = true
      for (let sent = 0; sent < 64; sent++) taken = connection.send(chunk)
      return connection.received.endsWith('}') && !taken
    })
    t.regex(connection.received, new RegExp(`^HTTP/1.1 ${status} [^]*\\r\\nconnection: close\\r\\n`))
    connection.end()
  }
})

test('a large body that its client sends whole gets the answer', async (t) => {
  const body = JSON.stringify({ phone: 'x'.repeat(2_000_000) })
  const answer = await call<Problem>(`${shared().url}/v1/registrations`, { body })
  t.is(answer.status, 413)
  t.is(answer.body.code, 'TOO_LARGE')
})

test('a client that goes away in the middle of its body does no harm', async (t) => {
  const { url } = shared()
  for (let time = 0; time < 20; time++) {
    const connection = await RawConnection.open(url)
    connection.send('POST /v1/registrations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"phone":')
    connection.end()
  }
  t.is((await call(`${url}/livez`)).status, 200)
})

test('what is not HTTP does no harm', async (t) => {
  const { url } = shared()
  for (const text of [
    '\r\n\r\n',
    'hello\r\n\r\n',
    '\u0016\u0003\u0001\u0000',
    `GET /${'x'.repeat(100_000)}`,
    'GET / HTTP/9.9\r\n\r\n',
  ]) {
    const connection = await RawConnection.open(url)
    connection.send(text)
    t.is((await call(`${url}/livez`)).status, 200)
    connection.end()
  }
})

test('an unknown path is a problem, and a known one with another method too', async (t) => {
  const { url } = shared()
  const unknown = await call<Problem>(`${url}/nothing/here`)
  t.is(unknown.status, 404)
  t.is(unknown.body.code, 'NOT_FOUND')
  const put = await call<Problem>(`${url}/v1/me`, { method: 'PUT' })
  t.is(put.status, 405)
  t.is(put.body.code, 'METHOD_NOT_ALLOWED')
  t.is(put.headers.get('allow'), 'GET, PATCH, DELETE, HEAD, OPTIONS')
})

test('HEAD has the headers of GET and no body', async (t) => {
  const { url } = shared()
  const head = await fetch(`${url}/livez`, { method: 'HEAD' })
  const get = await fetch(`${url}/livez`)
  t.is(head.status, 200)
  t.is(head.headers.get('content-length'), get.headers.get('content-length'))
  t.is(await head.text(), '')
})

test('an answer that has no body has no length either', async (t) => {
  const connection = await RawConnection.open(shared().url)
  t.teardown(() => connection.end())
  connection.send('OPTIONS /v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await waitUntil('it is answered', () => connection.received.includes('\r\n\r\n'))
  t.regex(connection.received, /^HTTP\/1\.1 204 /)
  t.notRegex(connection.received, /content-length/i)
})

test('pages of any origin may call the API with a token', async (t) => {
  const { url } = shared()
  const preflight = await fetch(`${url}/v1/me`, {
    method: 'OPTIONS',
    headers: { origin: 'https://example.org', 'access-control-request-method': 'PATCH' },
  })
  t.is(preflight.status, 204)
  t.is(preflight.headers.get('access-control-allow-origin'), '*')
  t.is(preflight.headers.get('access-control-allow-methods'), '*')
  t.is(preflight.headers.get('access-control-allow-headers'), 'authorization, *')
  t.is(preflight.headers.get('allow'), 'GET, PATCH, DELETE, HEAD, OPTIONS')
  const traced = { origin: 'https://example.org', 'access-control-request-headers': 'authorization,traceparent' }
  const nowhere = await fetch(`${url}/nowhere`, { method: 'OPTIONS', headers: traced })
  t.deepEqual([nowhere.status, nowhere.headers.get('access-control-allow-headers')], [204, 'authorization, *'])
  for (const path of ['/v1/me', '/livez', '/nowhere']) {
    t.is((await fetch(url + path)).headers.get('access-control-allow-origin'), '*', path)
  }
})

test('a key of the query that comes twice, or that nobody knows, is refused by its name', async (t) => {
  const { token } = await register(shared(), newPhone(), { hosted: true })
  const cases: readonly (readonly [string, string])[] = [
    ['/messages?limit=1&limit=2', 'limit'],
    ['/messages?limit=1&%6cimit=1', 'limit'],
    ['/messages?limits=1', 'limits'],
    ['/v1/me?x=1', 'x'],
    ['/openapi.json?__proto__=1', '__proto__'],
  ]
  for (const [path, field] of cases) {
    const { status, body } = await call<Problem>(shared().url + path, { token })
    t.deepEqual([status, body.code, body.errors?.map((one) => one.field)], [400, 'BAD_REQUEST', [field]], path)
  }
})

test('a field of a body that nobody knows is refused by its name', async (t) => {
  const answer = await call<Problem>(`${shared().url}/v1/registrations`, {
    body: { phone: newPhone(), phne: '+1' },
  })
  t.is(answer.status, 400)
  t.true(answer.body.errors?.some(({ field, message }) => field === 'phne' && message === 'is unknown'))
})

test('a bad Idempotency-Key is refused', async (t) => {
  const { token } = await register(shared(), newPhone(), { hosted: true })
  const body = { reciever_ID: newPhone(), type: 'text', text: 'x' }
  for (const key of ['x'.repeat(256), 'a\tb']) {
    const answer = await call<Problem>(`${shared().url}/messages`, { token, body, headers: { 'idempotency-key': key } })
    t.is(answer.status, 400)
  }
})
