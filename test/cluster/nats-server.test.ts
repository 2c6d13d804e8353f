import { execFileSync } from 'node:child_process'
import anyTest from 'ava'
import { connect } from 'nats'
import { startNatsServer } from '../helpers/nats-server.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server')

test('a nats-server of a test starts, ends and starts again on its port', async (t) => {
  const server = await startNatsServer(t)
  const client = await connect({ servers: server.url, reconnectTimeWait: 20, maxReconnectAttempts: -1 })
  t.teardown(() => client.close())
  t.is(client.getServer(), `127.0.0.1:${server.port}`)
  await server.stop()
  t.false(server.runs)
  await server.restart()
  const isBack = (): Promise<boolean> =>
    client.flush().then(
      () => true,
      () => false,
    )
  await t.notThrowsAsync(waitUntil('the client is back', isBack))
})

test('a nats-server of a test takes a configuration that refers to variables', async (t) => {
  const config = 'authorization { user: one, password: $SECRET }'
  const server = await startNatsServer(t, { config, env: { SECRET: 'open' } })
  await t.throwsAsync(connect({ servers: server.url, reconnect: false }), { message: /Authorization Violation/ })
  const client = await connect({ servers: server.url, user: 'one', pass: 'open' })
  await t.notThrowsAsync(client.flush())
  await client.close()
})

test('a frozen nats-server answers nothing until it thaws', async (t) => {
  const server = await startNatsServer(t)
  const client = await connect({ servers: server.url })
  t.teardown(() => client.close())
  await client.flush()
  await server.freeze()
  await waitUntil('the process stands still', () => stateOf(server.pid).startsWith('T'))
  const flushed = client.flush()
  server.thaw()
  await t.notThrowsAsync(flushed)
  t.false(stateOf(server.pid).startsWith('T'))
})

/** As `ps` shows it: T is stopped. */
function stateOf(pid: number): string {
  return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).trim()
}
