import anyTest from 'ava'
import { Kind } from '../../proto/frames.ts'
import { wrongClock, MONTH_SECONDS, TEN_MINUTES_SECONDS } from '../chaos/clock-levers.ts'
import { Cluster } from '../chaos/cluster.ts'
import type { ClusterNode } from '../chaos/cluster.ts'
import { Device } from '../helpers/device.ts'
import { countRows, createAccount } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server', 'faketime')

const SWEEP_MS = 200
const SWEEPS = 5
let cluster: Cluster

test.before(async () => {
  cluster = await Cluster.start({
    nodes: 3,
    databases: 1,
    balanced: false,
    settings: { mailbox: { expirySweepIntervalMs: SWEEP_MS }, clock: { lookIntervalMs: 200 } },
  })
})

test.after.always(() => cluster?.stop())

function nodesOf({ nodes }: Cluster): readonly [ClusterNode, ClusterNode, ClusterNode] {
  return nodes as unknown as readonly [ClusterNode, ClusterNode, ClusterNode]
}

async function newDevices(count: number): Promise<RawDevice[]> {
  const url = await cluster.databases[0]!.findUrl()
  return Promise.all(Array.from({ length: count }, async () => (await createAccount(url))[0]!))
}

async function checkOf({ process }: ClusterNode): Promise<{ status: number; state: string; reason?: string }> {
  const answer = await fetch(`${process.url}/readyz`)
  const { checks } = (await answer.json()) as { checks: { clock: { state: string; reason?: string } } }
  return { status: answer.status, ...checks.clock }
}

/** So often as all nodes together have looked through the mailboxes. */
async function sweeps(): Promise<number> {
  const counts = await Promise.all(cluster.nodes.map(({ process }) => process.readMetric('parley_expiry_sweeps_total')))
  return counts.reduce((sum, count) => sum + count, 0)
}

test.serial(
  'fifty waiting messages outlive a node whose clock is 31 days ahead, which hands them over itself',
  async (t) => {
    const [wrong, right] = nodesOf(cluster)
    const [alice, bob] = (await newDevices(2)) as [RawDevice, RawDevice]
    const a = await Device.connect(right.process.url, alice.token, { acks: true })
    for (let i = 0; i < 50; i++) await a.say(bob, `number ${i}`, { first: i === 0 })
    await wrongClock(wrong, MONTH_SECONDS, async () => {
      const check = await checkOf(wrong)
      t.deepEqual([check.status, check.state], [503, 'failed'])
      t.regex(check.reason ?? '', /31 days ahead of PostgreSQL's/)
      t.deepEqual(await checkOf(right), { status: 200, state: 'ok' })
      const seen = await sweeps()
      await waitUntil('every node has looked for what has expired', async () => {
        return (await sweeps()) >= seen + SWEEPS * cluster.nodes.length
      })
      t.is(await countRows(await cluster.databases[0]!.findUrl(), bob), 50)
      // What is sent there meanwhile has the time that it should have.
      const w = await Device.connect(wrong.process.url, alice.token, { number: 2 })
      await w.say(bob, 'number 50')
      const b = await Device.connect(wrong.process.url, bob.token, { acks: true })
      await b.caughtUp()
      t.deepEqual(
        b.bodies,
        Array.from({ length: 51 }, (_, i) => `number ${i}`),
      )
      for (const { envelope } of b.all('deliver')) t.true(Math.abs(envelope.sentAt - Date.now()) < 600_000)
    })
    await waitUntil('the node is ready again', async () => (await checkOf(wrong)).status === 200)
    const back = await Device.connect(right.process.url, alice.token, { number: 3, acks: true })
    await back.caughtUp()
    for (const device of [a, back])
      t.false(device.all('deliver').some(({ envelope }) => envelope.kind === Kind.EXPIRED))
  },
)

test.serial('a clock that jumps ten minutes and back holds up no send, and puts none out of order', async (t) => {
  const [wrong, right] = nodesOf(cluster)
  const [alice, bob] = (await newDevices(2)) as [RawDevice, RawDevice]
  const a = await Device.connect(wrong.process.url, alice.token)
  let last = await a.say(bob, 'before', { first: true })
  const ids = [last.messageId]
  await wrongClock(wrong, TEN_MINUTES_SECONDS, async () => {
    last = await a.say(bob, 'during')
    ids.push(last.messageId)
  })
  await waitUntil('it has seen that its clock is right', async () => (await checkOf(wrong)).status === 200)
  last = await a.say(bob, 'after')
  ids.push(last.messageId)
  const moved = await Device.connect(right.process.url, alice.token, { number: 2, lastMessageId: last.messageId })
  ids.push((await moved.say(bob, 'elsewhere', { first: true })).messageId)
  t.deepEqual(
    ids,
    ids.toSorted((one, other) => (one < other ? -1 : 1)),
  )
  const b = await Device.connect(right.process.url, bob.token, { acks: true })
  await b.caughtUp()
  t.deepEqual(b.bodies, ['before', 'during', 'after', 'elsewhere'])
})
