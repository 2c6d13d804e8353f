import anyTest from 'ava'
import { isClean } from '../../tools/replay/checker.ts'
import { Cluster } from '../chaos/cluster.ts'
import { Crowd } from '../faults/crowd.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server', 'haproxy')

const NODES = 3
const USERS = 24
const PER_SECOND = 100
/** Shown before each restart. */
const MESSAGES = 100
let cluster: Cluster

test.before(async () => {
  cluster = await Cluster.start({ nodes: NODES, databases: 1 })
})

test.after.always(() => cluster?.stop())

test.serial(
  'a rolling restart under load loses nothing, and costs each client one reconnect a node at most',
  async (t) => {
    t.timeout(180_000)
    const { url, sms, target, nodes } = cluster
    await allInRotation()
    const crowd = await Crowd.gather({ url, sms, target, users: USERS, seed: 801, restMs: 90_000 })
    t.teardown(() => crowd.close())
    crowd.load({ perSecond: PER_SECOND })
    for (const [index, { process }] of nodes.entries()) {
      await crowd.moreDisplayed(MESSAGES)
      const before = crowd.people.map(({ sessions }) => sessions)
      t.is(await process.stop(), 0)
      await crowd.allOnline()
      const reconnects = crowd.people.map(({ sessions }, i) => sessions - before[i]!)
      const moved = reconnects.filter((count) => count > 0).length
      t.log(`node ${index + 1}: ${moved} of ${USERS} clients moved, at most ${Math.max(...reconnects)} times`)
      t.true(moved > 0, 'no client was on the node')
      t.true(Math.max(...reconnects) <= 1, `reconnects: ${reconnects.join(', ')}`)
      await process.start()
      await waitUntil('haproxy gives it clients again', async () => {
        return (await cluster.haproxy?.readStates())?.[index] === 'UP'
      })
    }
    await crowd.moreDisplayed(MESSAGES)
    await crowd.rest()
    const { sent, accepted, displayed, sessions, longestStallMs } = crowd.tally()
    t.log(
      `sent ${sent}, ✓ ${accepted}, displayed ${displayed}, sessions ${sessions}, longest stall ${longestStallMs} ms`,
    )
    const findings = crowd.findings()
    t.true(isClean(findings), JSON.stringify(findings))
    t.deepEqual(crowd.complaints, [])
  },
)

async function allInRotation(): Promise<void> {
  await waitUntil('haproxy gives clients to all nodes', async () => {
    return (await cluster.haproxy?.readStates())?.every((state) => state === 'UP') === true
  })
}
