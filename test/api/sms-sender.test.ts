import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { HttpSmsSender, SmsGatewayError } from '../../src/api/http-sms-sender.ts'
import type { Problem } from '../../src/api/problem.ts'
import { call, newPhone } from '../helpers/http.ts'
import { startServer } from '../helpers/server.ts'

/** A gateway on a port of its own. */
async function startGateway(
  t: ExecutionContext,
  handle: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/send`
}

test('a gateway gets the number and the text as JSON', async (t) => {
  const requests: { method: string | undefined; type: string | undefined; body: unknown; auth: string | undefined }[] =
    []
  const url = await startGateway(t, async (request, response) => {
    const { method, headers } = request
    requests.push({
      method,
      type: headers['content-type'],
      auth: headers.authorization,
      body: JSON.parse(await text(request)),
    })
    response.writeHead(204).end()
  })
  await new HttpSmsSender(url.replace('://', '://parley:s%40fe@'), 5_000).send(
    '+15550000001',
    '123456 is your Parley code',
  )
  t.deepEqual(requests, [
    {
      method: 'POST',
      type: 'application/json',
      auth: `Basic ${Buffer.from('parley:s@fe').toString('base64')}`,
      body: { to: '+15550000001', text: '123456 is your Parley code' },
    },
  ])
})

test('a gateway that refuses, is silent or away is a failure', async (t) => {
  const refusing = await startGateway(t, (_, response) => response.writeHead(500).end('no'))
  const moving = await startGateway(t, (_, response) => response.writeHead(307, { location: refusing }).end())
  const silent = await startGateway(t, () => undefined)
  for (const url of [refusing, moving, silent, 'http://127.0.0.1:1/']) {
    await t.throwsAsync(new HttpSmsSender(url, 100).send('+1', 'x'), { instanceOf: SmsGatewayError }, url)
  }
})

test('a code goes through the gateway that SMS_SENDER names, and its failure is told', async (t) => {
  const messages: { to: string; text: string }[] = []
  let status = 200
  const url = await startGateway(t, async (request, response) => {
    messages.push(JSON.parse(await text(request)) as { to: string; text: string })
    response.writeHead(status).end()
  })
  const server = await startServer(t, { env: { SMS_SENDER: url }, overrides: { sms: undefined } })
  const phone = newPhone()
  t.is((await call(`${server.url}/v1/registrations`, { body: { phone } })).status, 202)
  t.is(messages[0]?.to, phone)
  const code = /^(\d{6}) is your Parley code$/.exec(messages[0]?.text ?? '')?.[1]
  t.is((await call(`${server.url}/v1/registrations/verify`, { body: { phone, code } })).status, 201)
  status = 503
  const failed = await call<Problem>(`${server.url}/v1/registrations`, { body: { phone } })
  t.is(failed.status, 502)
  t.is(failed.body.code, 'SMS_FAILED')
})
