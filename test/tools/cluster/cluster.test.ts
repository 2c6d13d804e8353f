import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { findFixedPort } from '../../../tools/fixed-ports.ts'
import { call } from '../../helpers/http.ts'
import type { TestAccount } from '../../helpers/http.ts'
import { testWithTools } from '../../helpers/tools.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { ToolProcess } from './tool-process.ts'

const test = testWithTools(anyTest, 'nats-server', 'minio', 'haproxy')

const MAIN = 'tools/cluster/main.ts'
const PHONE = '+15550000001'

interface TestCluster {
  readonly url: string
  readonly process: ToolProcess
}

async function startCluster(t: ExecutionContext, port: number): Promise<TestCluster> {
  const data = await mkdtemp(join(tmpdir(), 'parley-cluster-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  const [nodePort, natsPort] = [await findFixedPort(), await findFixedPort()]
  const places = ['--port', String(port), '--node-port', String(nodePort), '--host', '127.0.0.1', '--data', data]
  const env = {
    NATS_PORT: String(natsPort),
    NATS_MONITOR_PORT: String(await findFixedPort()),
    MINIO_PORT: String(await findFixedPort()),
    STATS_LISTEN: `127.0.0.1:${await findFixedPort()}`,
  }
  return { url: `http://127.0.0.1:${port}`, process: new ToolProcess(t, [MAIN, ...places], env) }
}

test('npm run cluster serves at one address, prints the codes there, and drains its nodes before the rest ends', async (t) => {
  t.timeout(180_000)
  const { url, process } = await startCluster(t, await findFixedPort())
  await process.printed(/Parley is ready on \S+: 2 nodes behind haproxy/, 120_000)
  await call(`${url}/v1/registrations`, { body: { phone: PHONE } })
  const [, code] = await process.printed(/"to":"\+15550000001","text":"(\d{6}) is your Parley code/)
  const verified = await call<TestAccount>(`${url}/v1/registrations/verify`, { body: { phone: PHONE, code } })
  t.is(verified.status, 201)
  await waitUntil('both nodes have started', () => {
    return ['node-1', 'node-2'].every((name) =>
      new RegExp(`"node":"${name}","event":"nodeStarted"`).test(process.output),
    )
  })
  process.signal('SIGINT')
  t.is(await process.exitCode(), 0)
  const [first, second] = [...process.output.matchAll(/"event":"nodeStopped"/g)].map(({ index }) => index)
  const nats = process.output.indexOf('Initiating Shutdown')
  t.true(first !== undefined && second !== undefined && second < nats, process.output.slice(-2_000))
})

test('a cluster whose port is in use says so in one line', async (t) => {
  const busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  t.teardown(() => busy.close())
  const { port } = busy.address() as AddressInfo
  const { process } = await startCluster(t, port)
  t.is(await process.exitCode(), 1)
  t.is(process.output.trim(), `Port ${port} is in use: does a cluster, or npm start, run already?`)
})
