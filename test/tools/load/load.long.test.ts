import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { HttpSmsSender } from '../../../src/api/http-sms-sender.ts'
import { findFixedPort } from '../../../tools/fixed-ports.ts'
import { startServer, UNLIMITED } from '../../helpers/server.ts'
import { testWithTools } from '../../helpers/tools.ts'
import { ToolProcess } from '../cluster/tool-process.ts'

const test = testWithTools(anyTest, 'k6')

const SMS_TIMEOUT_MS = 30_000
const NO_HURRY = ['--p99', '60000']

interface Limit {
  readonly burst: number
  readonly perSecond: number
}

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs the tool against a node of its own. */
async function load(
  t: ExecutionContext,
  parameters: readonly string[],
  limits: Readonly<Record<string, Limit>> = {},
): Promise<Ended> {
  t.timeout(180_000)
  const smsPort = await findFixedPort()
  const { url } = await startServer(t, {
    env: { LIMITS: JSON.stringify({ ...(JSON.parse(UNLIMITED) as object), ...limits }) },
    overrides: { sms: new HttpSmsSender(`http://127.0.0.1:${smsPort}`, SMS_TIMEOUT_MS) },
  })
  const target = ['--url', url, '--sms-port', String(smsPort), ...NO_HURRY]
  const process = new ToolProcess(t, ['tools/load/main.ts', ...parameters, ...target])
  const code = await process.exitCode()
  return { code, output: process.output }
}

for (const encoding of ['json', 'binary']) {
  test.serial(`pairs write to each other in ${encoding}, and everything comes once, with its receipts`, async (t) => {
    const { code, output } = await load(t, [
      'chat',
      '--vus',
      '4',
      '--duration',
      '2',
      '--rate',
      '3',
      '--encoding',
      encoding,
    ])
    t.is(code, 0, output)
    t.regex(output, new RegExp(`chat, 4 VUs, ${encoding} +│ count │`))
    for (const measure of ['✓', 'arrival', '✓✓', 'READ'])
      t.regex(output, new RegExp(`│ sending to ${measure} +│ +24 │`))
    for (const threshold of ['messages_sent count==24', 'messages_received count==24', 'errors rate==0']) {
      t.regex(output, new RegExp(`│ ${threshold} +│ [\\d.% ]+│ held │`))
    }
    t.notRegex(output, /MISSED/)
  })
}

test.serial('mailboxes that filled are drained, and their authors get ✓✓', async (t) => {
  const { code, output } = await load(t, ['offline', '--vus', '2', '--messages', '100'])
  t.is(code, 0, output)
  t.regex(output, /│ messages_received count==200 +│ 200 +│ held │/)
  t.regex(output, /✓ each message got ✓✓/)
})

test.serial('users of the HTTP API register, write, read and acknowledge', async (t) => {
  const { code, output } = await load(t, ['http', '--vus', '2', '--duration', '2'])
  t.is(code, 0, output)
  t.regex(output, /http, 2 VUs +│ count │/)
  for (const route of ['POST /messages', 'GET /messages', 'DELETE /messages', 'POST /v1/registrations/verify']) {
    t.regex(output, new RegExp(`│ ${route} +│ +[1-9]\\d* │`))
  }
  t.regex(output, /│ checks rate==1 +│ 100.00 % │ held │/)
})

test.serial('connections that are refused break a threshold, and the exit code says so', async (t) => {
  const { code, output } = await load(t, ['connections', '--vus', '3', '--duration', '1'], {
    connectPerAddress: { burst: 1, perSecond: 0.001 },
  })
  t.is(code, 99, output)
  t.regex(output, /│ sessions count==3 +│ 1 +│ MISSED │/)
  t.regex(output, /│ checks rate==1 +│ 33.33 % +│ MISSED │/)
})

test.serial('devices that are refused in a storm come again until they are in', async (t) => {
  const { code, output } = await load(t, ['storm', '--vus', '4', '--duration', '2', '--rate', '2'], {
    // As many as connect before the storm, 20 of which stay.
    connectPerAddress: { burst: 24, perSecond: 0.5 },
  })
  t.is(code, 0, output)
  t.regex(output, / refusals\.*: [1-9]/)
  t.regex(output, /│ reconnects count==4 +│ 4 +│ held │/)
  t.regex(output, /│ messages_received count==80 +│ 80 +│ held │/)
})

test('what cannot be run is said in one line', async (t) => {
  for (const [parameters, message] of [
    [['chat', '--url', 'http://127.0.0.1:9'], /^To register users, .* --sms-port .*\n$/],
    [['chat', '--url', 'http://127.0.0.1:9', '--sms-port', '1'], /EACCES|EADDR|No server answers/],
    [['rush'], /'rush' is invalid for argument 'scenario'. Allowed choices are chat, /],
    [['chat', '--vus', 'many'], /whole number/],
  ] as const) {
    const process = new ToolProcess(t, ['tools/load/main.ts', ...parameters])
    t.is(await process.exitCode(), 1)
    t.regex(process.output, message)
    t.notRegex(process.output, /\n +at /)
  }
})
