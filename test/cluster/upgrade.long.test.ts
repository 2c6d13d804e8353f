import anyTest from 'ava'
import { isClean } from '../../tools/replay/checker.ts'
import { Cluster } from '../chaos/cluster.ts'
import { Crowd } from '../faults/crowd.ts'
import { requireReleaseBefore } from '../helpers/release.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server', 'haproxy')

const HERE = new URL('../..', import.meta.url).pathname
const USERS = 16
/** Shown while the nodes are of both versions, at every step. */
const MESSAGES = 60

let before: string
let cluster: Cluster

test.before(async (t) => {
  t.timeout(600_000)
  before = await requireReleaseBefore()
  cluster = await Cluster.start({ nodes: 2, databases: 1, checkout: before })
})

test.after.always(() => cluster?.stop())

test.serial('an upgrade node by node under load, and the way back, lose nothing', async (t) => {
  t.timeout(300_000)
  const { url, sms, target, nodes } = cluster
  const crowd = await Crowd.gather({ url, sms, target, users: USERS, seed: 911, restMs: 90_000 })
  t.teardown(() => crowd.close())
  crowd.load({ perSecond: 60 })

  const restart = async (index: number, checkout: string): Promise<void> => {
    const { process } = nodes[index]!
    t.is(await process.stop(), 0)
    process.use(checkout)
    await process.start()
    await inRotation(index)
    await crowd.moreDisplayed(MESSAGES)
  }
  await restart(0, HERE)
  // A node of the version before is killed, and comes back to a database that the new version has changed.
  const { process: old } = nodes[1]!
  await old.kill()
  await old.start()
  await inRotation(1)
  await crowd.moreDisplayed(MESSAGES)
  await restart(1, HERE)
  await restart(0, before)
  await restart(1, before)

  await crowd.rest()
  const { sent, accepted, displayed, sessions } = crowd.tally()
  t.log(`sent ${sent}, ✓ ${accepted}, displayed ${displayed}, sessions ${sessions}`)
  const findings = crowd.findings()
  t.true(isClean(findings), JSON.stringify(findings))
  t.deepEqual(crowd.complaints, [])
})

async function inRotation(index: number): Promise<void> {
  await waitUntil('haproxy gives clients to the node', async () => {
    return (await cluster.haproxy?.readStates())?.[index] === 'UP'
  })
}
