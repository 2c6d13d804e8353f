import test from 'ava'
import type { NatsBus } from '../../src/transport/nats-bus.ts'
import { createTestDatabase } from '../helpers/database.ts'
import type { Device } from '../helpers/device.ts'
import { text } from '../helpers/device.ts'
import { openNatsBus } from '../helpers/nats-bus.ts'
import { startNatsServer } from '../helpers/nats-server.ts'
import type { NatsServer } from '../helpers/nats-server.ts'
import { countRows } from '../helpers/raw-accounts.ts'
import { startCore } from '../helpers/raw-core.ts'
import type { TestCore } from '../helpers/raw-core.ts'
import { connectTo, newDevice } from '../helpers/raw-nodes.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

interface NatsNode extends TestCore {
  readonly bus: NatsBus
}

const CONFIG = {
  overload: { eventLoopDelayMs: { connections: 60_000, sends: 60_000 } },
  presence: { heartbeatMs: 100, silentMs: 500 },
}

const natsTest = testWithTools(test, 'nats-server')
const scope = new FileScope()
let nats: NatsServer
let databaseUrl: string
let one: NatsNode
let two: NatsNode

async function startNatsNode(): Promise<NatsNode> {
  const { bus, node } = await openNatsBus(scope, nats.url, { requestTimeoutMs: 2_000 })
  return { ...(await startCore(scope, { databaseUrl, bus, nodeId: node, config: CONFIG })), bus }
}

natsTest.before(async () => {
  nats = await startNatsServer(scope)
  databaseUrl = await createTestDatabase(scope)
  one = await startNatsNode()
  two = await startNatsNode()
})
natsTest.after.always(() => scope.end())

const until = (watcher: Device, { user }: { readonly user: number }, online: boolean) =>
  waitUntil(`${user} is ${online ? 'online' : 'offline'}`, () => {
    const frames = watcher.all('presence').filter((frame) => frame.user === user)
    return frames.at(-1)?.online === online
  })

natsTest.serial('over NATS a watcher is told how it is now and of every change, and typing passes', async (t) => {
  const [alice, bob] = [await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b = await connectTo(two, bob)
  a.send({ type: 'watch', users: [bob.user] })
  await until(a, bob, true)
  a.send({ type: 'signal', to: { user: bob.user, device: 0 }, payload: text('typing') })
  t.is((await b.waitFor('signal')).from.user, alice.user)
  b.close()
  await until(a, bob, false)
  a.send({ type: 'signal', to: { user: bob.user, device: 0 }, payload: text('typing') })
  await a.settled()
  const again = await connectTo(two, bob)
  await until(a, bob, true)
  await again.caughtUp()
  t.deepEqual(again.all('signal'), [])
  t.is(await countRows(databaseUrl, bob), 0)
})

natsTest.serial('what changes while NATS is away is put right when it is back', async (t) => {
  const [alice, bob, carol] = [await newDevice(one), await newDevice(one), await newDevice(one)]
  const a = await connectTo(one, alice)
  const b = await connectTo(two, bob)
  a.send({ type: 'watch', users: [bob.user, carol.user] })
  await until(a, bob, true)
  await until(a, carol, false)
  await nats.stop()
  await waitUntil('both nodes have noticed', () => !one.bus.connected && !two.bus.connected)
  b.close()
  await connectTo(two, carol)
  await nats.start()
  await until(a, carol, true)
  await until(a, bob, false)
  t.pass()
})

natsTest.serial(
  'a node that is gone without a word takes its users offline, and they come back elsewhere',
  async (t) => {
    const dying = await startNatsNode()
    const [alice, bob] = [await newDevice(one), await newDevice(one)]
    const a = await connectTo(one, alice)
    await connectTo(dying, bob)
    a.send({ type: 'watch', users: [bob.user] })
    await until(a, bob, true)
    await dying.bus.close()
    await until(a, bob, false)
    await connectTo(two, bob)
    await until(a, bob, true)
    t.pass()
  },
)
