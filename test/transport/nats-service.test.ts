import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { connect } from 'nats'
import type { NatsConnection } from 'nats'
import { NatsService } from '../../src/transport/nats-service.ts'
import type { ServiceAnswer, ServiceEndpoint } from '../../src/transport/nats-service.ts'
import { askOperator, NATS_PASSWORDS, runNats, startClusterNats } from '../helpers/nats-cli.ts'
import type { NatsServer } from '../helpers/nats-server.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server', 'nats')

const echo = (data: Uint8Array): Promise<ServiceAnswer> =>
  Promise.resolve({ type: 'answer', body: { heard: new TextDecoder().decode(data) } })

function endpoint(more: Partial<ServiceEndpoint> & Pick<ServiceEndpoint, 'name'>): ServiceEndpoint {
  const subject = `parley.${more.name}`
  return { subject, description: 'Of a test', heardBy: 'every node', handle: echo, ...more }
}

interface TestService {
  readonly service: NatsService
  readonly connection: NatsConnection
  readonly faults: unknown[]
}

async function startService(
  t: ExecutionContext,
  server: NatsServer,
  node: string,
  endpoints: readonly ServiceEndpoint[],
): Promise<TestService> {
  const pass = NATS_PASSWORDS.NATS_NODE_PASSWORD
  const connection = await connect({ servers: server.url, user: 'node', pass, reconnectTimeWait: 50 })
  t.teardown(() => connection.close())
  const faults: unknown[] = []
  const options = { name: 'parley', version: '1.2.3', description: 'Of a test', node, endpoints }
  const service = new NatsService({ ...options, onFault: (error) => faults.push(error) })
  await service.attach(connection)
  await connection.flush()
  t.teardown(() => service.close())
  return { service, connection, faults }
}

test('the nats program lists the service, tells its endpoints and counts its requests', async (t) => {
  const server = await startClusterNats(t)
  const fails = endpoint({ name: 'user', heardBy: 'one node', handle: () => Promise.reject(new Error('secret')) })
  const { faults } = await startService(t, server, 'node-1', [endpoint({ name: 'status' }), fails])
  t.deepEqual(await askOperator(server, 'parley.status', 'hello'), { heard: 'hello' })
  t.deepEqual(await askOperator(server, 'parley.user', 'x'), {
    code: 'INTERNAL',
    message: 'The server has a fault; it was logged',
  })
  t.is(faults.length, 1)

  const list = await runNats(server, 'operator', 'micro', 'ls')
  t.is(list.code, 0)
  t.regex(list.text, /parley\b.*\b1\.2\.3\b/)
  const info = await runNats(server, 'operator', 'micro', 'info', 'parley')
  for (const part of ['parley.status', 'parley.user', 'node-1', 'Of a test']) t.true(info.text.includes(part), part)
  const stats = await runNats(server, 'operator', 'micro', 'stats', 'parley', '--json')
  const [{ endpoints }] = JSON.parse(stats.text) as [{ endpoints: readonly object[] }]
  t.like(endpoints[0], { name: 'status', num_requests: 1, data: { errors: 0 } })
  t.like(endpoints[1], { name: 'user', num_requests: 1, data: { errors: 1 } })
})

test('an error has the headers of the micro protocol and a JSON body', async (t) => {
  const server = await startClusterNats(t)
  const refuse = () => Promise.resolve({ type: 'error', status: 400, code: 'BAD_REQUEST', message: 'No' } as const)
  await startService(t, server, 'node-1', [endpoint({ name: 'status', handle: refuse })])
  const { text } = await runNats(server, 'operator', 'request', 'parley.status', 'x')
  t.regex(text, /Nats-Service-Error-Code: 400/)
  t.regex(text, /Nats-Service-Error: No/)
  t.true(text.includes('{"code":"BAD_REQUEST","message":"No"}'))
})

test('what every node hears is answered by all, what one hears by one, and a silent one says nothing', async (t) => {
  const server = await startClusterNats(t)
  const heard: string[] = []
  for (const node of ['node-1', 'node-2', 'node-3']) {
    const name = () => Promise.resolve<ServiceAnswer>({ type: 'answer', body: { node } })
    const once = () => {
      heard.push(node)
      return name()
    }
    const own = () => (node === 'node-2' ? name() : Promise.resolve<ServiceAnswer>({ type: 'silent' }))
    await startService(t, server, node, [
      endpoint({ name: 'status', handle: name }),
      endpoint({ name: 'user', heardBy: 'one node', handle: once }),
      endpoint({ name: 'drain', handle: own }),
    ])
  }
  const all = await runNats(
    server,
    'operator',
    'request',
    '--raw',
    '--replies',
    '3',
    '--reply-timeout',
    '3s',
    'parley.status',
    '',
  )
  const nodes = [...all.text.matchAll(/\{"node":"(node-\d)"\}/g)].map(([, node]) => node)
  t.deepEqual(nodes.toSorted(), ['node-1', 'node-2', 'node-3'])
  await askOperator(server, 'parley.user', '')
  await askOperator(server, 'parley.user', '')
  t.is(heard.length, 2)
  const drained = await runNats(
    server,
    'operator',
    'request',
    '--raw',
    '--replies',
    '3',
    '--reply-timeout',
    '3s',
    'parley.drain',
    '',
  )
  t.deepEqual(drained.text.match(/\{.*?\}/g), ['{"node":"node-2"}'])
})

test('only the operator may ask', async (t) => {
  const server = await startClusterNats(t)
  let asked = 0
  const count = () => {
    asked++
    return echo(new Uint8Array())
  }
  const names = ['status', 'user', 'drain'] as const
  const { connection } = await startService(
    t,
    server,
    'node-1',
    names.map((name) => endpoint({ name, handle: count })),
  )
  for (const name of names) {
    // The program is silent on what the server forbids; its library tells.
    t.is((await runNats(server, 'node', 'request', '--raw', `parley.${name}`, '{}')).text, '')
    const message = new RegExp(`Permissions Violation for Publish to "parley.${name}"`)
    await t.throwsAsync(connection.request(`parley.${name}`), { message })
    const asNobody = await runNats(server, undefined, 'request', `parley.${name}`, '{}')
    t.not(asNobody.code, 0)
    t.regex(asNobody.text, /authorization violation/i)
  }
  t.is(asked, 0)
  await askOperator(server, 'parley.status', '{}')
  t.is(asked, 1)
})

test('too many requests at a time are refused, and the endpoint lives on', async (t) => {
  const server = await startClusterNats(t)
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const slow = async () => {
    await opened
    return echo(new Uint8Array())
  }
  await startService(t, server, 'node-1', [endpoint({ name: 'user', heardBy: 'one node', handle: slow })])
  const pass = NATS_PASSWORDS.NATS_OPERATOR_PASSWORD
  const operator = await connect({ servers: server.url, user: 'operator', pass })
  t.teardown(() => operator.close())
  const answers = Array.from({ length: 200 }, () => operator.request('parley.user', '', { timeout: 20_000 }))
  await operator.flush()
  open()
  const codes = (await Promise.all(answers)).map(({ headers }) => headers?.get('Nats-Service-Error-Code') ?? '')
  t.true(codes.includes('503'))
  t.is(codes.at(-1), '')
})

test('it is there again when NATS has come back', async (t) => {
  const server = await startClusterNats(t)
  const { service, connection } = await startService(t, server, 'node-1', [endpoint({ name: 'status' })])
  await server.restart()
  await waitUntil('the node is connected again', async () => {
    await service.attach(connection)
    return connection.flush().then(
      () => true,
      () => false,
    )
  })
  t.deepEqual(await askOperator(server, 'parley.status', 'again'), { heard: 'again' })
  const { text } = await runNats(server, 'operator', 'micro', 'ls', '--json')
  t.is(text.match(/"name": ?"parley"/g)?.length, 1)
})
