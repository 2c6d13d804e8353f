import { readFile } from 'node:fs/promises'
import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { connect, Events } from 'nats'
import type { NatsConnection } from 'nats'
import { startNatsServer } from '../helpers/nats-server.ts'
import type { NatsServer } from '../helpers/nats-server.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server')

const env = { NATS_NODE_PASSWORD: 'node-password', NATS_OPERATOR_PASSWORD: 'operator-password' }

/** As a cluster has it, but for the port of its monitor. */
async function startConfigured(t: ExecutionContext): Promise<NatsServer> {
  const config = await readFile('config/nats-server.conf', 'utf8')
  return startNatsServer(t, { config: config.replace(/^http:.*$/m, ''), env })
}

interface Login {
  readonly connection: NatsConnection
  /** What it was told that it may not do. */
  readonly refused: string[]
}

async function login(t: ExecutionContext, server: NatsServer, user: string, pass: string): Promise<Login> {
  const connection = await connect({ servers: server.url, user, pass, reconnect: false })
  t.teardown(() => connection.close())
  const refused: string[] = []
  void (async () => {
    for await (const { type, permissionContext } of connection.status()) {
      const { operation = '', subject = '' } = (permissionContext ?? {}) as { operation?: string; subject?: string }
      if (type === Events.Error) refused.push(`${operation} ${subject}`)
    }
  })()
  return { connection, refused }
}

function asNode(t: ExecutionContext, server: NatsServer): Promise<Login> {
  return login(t, server, 'node', env.NATS_NODE_PASSWORD)
}

function asOperator(t: ExecutionContext, server: NatsServer): Promise<Login> {
  return login(t, server, 'operator', env.NATS_OPERATOR_PASSWORD)
}

test('nobody is let in without a user and its password', async (t) => {
  const server = await startConfigured(t)
  const message = /Authorization Violation/
  await t.throwsAsync(connect({ servers: server.url, reconnect: false }), { message })
  await t.throwsAsync(connect({ servers: server.url, user: 'node', pass: 'wrong', reconnect: false }), { message })
  await t.throwsAsync(connect({ servers: server.url, user: 'system', pass: '', reconnect: false }), { message })
})

test('nodes talk to each other on the subjects of Parley, and on no others', async (t) => {
  const server = await startConfigured(t)
  const [one, other] = [await asNode(t, server), await asNode(t, server)]
  one.connection.subscribe('parley.mailbox.15550000001.1', {
    callback: (_error, message) => void message.respond(message.data),
  })
  await one.connection.flush()
  const answer = await other.connection.request('parley.mailbox.15550000001.1', 'hello', { timeout: 5_000 })
  t.is(answer.string(), 'hello')
  t.deepEqual(one.refused, [])
  other.connection.publish('elsewhere')
  other.connection.subscribe('>', { callback: () => undefined })
  await waitUntil('both are refused', () => other.refused.length === 2)
  t.deepEqual(other.refused, ['publish elsewhere', 'subscription >'])
})

test('an operator asks the nodes, and neither hears nor says anything in a mailbox', async (t) => {
  const server = await startConfigured(t)
  const node = await asNode(t, server)
  node.connection.subscribe('parley.status', { callback: (_error, message) => void message.respond('well') })
  await node.connection.flush()
  const operator = await asOperator(t, server)
  t.is((await operator.connection.request('parley.status', '', { timeout: 5_000 })).string(), 'well')
  operator.connection.subscribe('parley.node.*', { callback: () => undefined })
  await operator.connection.flush()
  t.deepEqual(operator.refused, [])
  for (const subject of ['parley.mailbox.>', 'parley.presence.*', 'parley.>', '>']) {
    operator.connection.subscribe(subject, { callback: () => undefined })
  }
  operator.connection.publish('parley.mailbox.15550000001.1', 'forged')
  operator.connection.publish('parley.control.15550000001', 'forged')
  await waitUntil('all are refused', () => operator.refused.length === 6)
  t.deepEqual(operator.refused.toSorted(), [
    'publish parley.control.15550000001',
    'publish parley.mailbox.15550000001.1',
    'subscription >',
    'subscription parley.>',
    'subscription parley.mailbox.>',
    'subscription parley.presence.*',
  ])
})
