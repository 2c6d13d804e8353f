import test from 'ava'
import type { ApiAnswer } from '../../src/api/route.ts'
import { docsRoutes } from '../../src/api/routes/docs.ts'
import { call, register } from '../helpers/http.ts'
import { shareServer } from '../helpers/server.ts'

const shared = shareServer(test)

test('the page loads only files of this server, and may do no more', async (t) => {
  const { url } = shared()
  const page = await fetch(`${url}/docs`)
  t.is(page.status, 200)
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const policy = page.headers.get('content-security-policy') ?? ''
  t.regex(policy, /default-src 'none'; script-src 'self';/)
  t.notRegex(policy, /https?:|unsafe-eval|script-src[^;]*unsafe/)
  const html = await page.text()
  t.notRegex(html, /https?:\/\/|<script>|\son\w+=/)
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file as string)
  t.is(files.length, 4)
  for (const file of files) {
    const response = await fetch(new URL(file, `${url}/docs`))
    t.is(response.status, 200, file)
    t.true((await response.arrayBuffer()).byteLength > 100, file)
  }
})

test('the description is written once, and not for each who asks', async (t) => {
  const [description] = docsRoutes([])
  const ask = description!.handle as unknown as () => ApiAnswer | Promise<ApiAnswer>
  const [first, second] = [await ask(), await ask()]
  t.true(first.body instanceof Uint8Array)
  t.is(first.body, second.body)
})

test('its files are compressed for those who take it, and not sent again', async (t) => {
  const file = `${shared().url}/docs/swagger-ui.css`
  const plain = await fetch(file, { headers: { 'accept-encoding': 'identity' } })
  const zipped = await fetch(file, { headers: { 'accept-encoding': 'gzip' } })
  t.is(plain.headers.get('content-encoding'), null)
  t.is(zipped.headers.get('content-encoding'), 'gzip')
  t.true(Number(zipped.headers.get('content-length')) * 3 < Number(plain.headers.get('content-length')))
  t.is(await zipped.text(), await plain.text())
  const etag = plain.headers.get('etag') ?? ''
  const again = await fetch(file, { headers: { 'if-none-match': etag } })
  t.is(again.status, 304)
  t.is((await again.arrayBuffer()).byteLength, 0)
})

test('no other file can be had', async (t) => {
  for (const path of [
    '/docs/index.html',
    '/docs/../package.json',
    '/docs/%2e%2e/package.json',
    '/docs/swagger-ui.js',
  ]) {
    t.is((await fetch(shared().url + path)).status, 404, path)
  }
})

test('who opens the server in a browser comes to the page', async (t) => {
  const { url } = shared()
  const answer = await fetch(`${url}/`, { redirect: 'manual' })
  t.deepEqual([answer.status, answer.headers.get('location')], [302, 'docs'])
  t.is((await fetch(`${url}/`)).url, `${url}/docs`)
})

interface Described {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> }
}

test('the examples of the page run as they stand, once a device is registered', async (t) => {
  const server = shared()
  await register(server, '+15550000002', { hosted: true })
  const { token } = await register(server, '+15550000001', { hosted: true })
  const { body } = await call<{ paths: Record<string, Record<string, Described>> }>(`${server.url}/openapi.json`)
  const answers: string[] = []
  for (const [path, operations] of Object.entries(body.paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      const example = requestBody?.content['application/json']?.example
      if (example === undefined) continue
      const url = `${server.url}${path.replace('{user}', '15550000002')}`
      const { status } = await call(url, { method: method.toUpperCase(), token, body: example })
      answers.push(`${method} ${path} ${status}`)
    }
  }
  t.deepEqual(answers.toSorted(), [
    'patch /v1/me 200',
    'post /messages 201',
    'post /v1/keys/{user}/take 200',
    'post /v1/registrations 202',
    // A code that nobody was sent.
    'post /v1/registrations/verify 403',
    'put /v1/contacts 204',
  ])
})
