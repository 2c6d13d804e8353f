import anyTest from 'ava'
import { Cluster } from '../chaos/cluster.ts'
import { Device } from '../helpers/device.ts'
import { call } from '../helpers/http.ts'
import type { TestAccount } from '../helpers/http.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server')

/** A node that is gone must be noticed within it. */
const NOTICED_MS = 30_000
let cluster: Cluster

test.before(async () => {
  cluster = await Cluster.start({ nodes: 3, databases: 1, balanced: false })
})
test.after.always(() => cluster?.stop())

async function register(phone: string): Promise<TestAccount> {
  const { url, sms } = cluster
  await call(`${url}/v1/registrations`, { body: { phone } })
  const code = await sms.codeFor(phone)
  const answer = await call<TestAccount>(`${url}/v1/registrations/verify`, { body: { phone, code } })
  if (answer.status !== 201) throw new Error(`Registering failed: ${JSON.stringify(answer.body)}`)
  return answer.body
}

const connect = (node: number, { token }: TestAccount) => Device.connect(cluster.nodes[node]!.process.url, token)

const until = (watcher: Device, { user }: TestAccount, online: boolean) =>
  waitUntil(
    `${user} is ${online ? 'online' : 'offline'}`,
    () => {
      const frames = watcher.all('presence').filter((frame) => frame.user === Number(user))
      return frames.at(-1)?.online === online
    },
    NOTICED_MS,
  )

test.serial(
  'a node that is killed, or freezes, takes its users offline within 30 s, and a thawed one is believed again',
  async (t) => {
    t.timeout(180_000)
    const [ann, bob, carol] = [
      await register('+15550000001'),
      await register('+15550000002'),
      await register('+15550000003'),
    ]
    const a = await connect(0, ann)
    await connect(1, bob)
    await connect(2, carol)
    a.send({ type: 'watch', users: [Number(bob.user), Number(carol.user)] })
    await until(a, bob, true)
    await until(a, carol, true)
    const killedAt = Date.now()
    cluster.nodes[1]!.process.freeze()
    await cluster.nodes[2]!.process.kill()
    await Promise.all([until(a, bob, false), until(a, carol, false)])
    t.log(`noticed after ${Date.now() - killedAt} ms`)
    cluster.nodes[1]!.process.thaw()
    await until(a, bob, true)
    await connect(0, carol)
    await until(a, carol, true)
    t.pass()
  },
)
