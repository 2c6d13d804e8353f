import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import type { UserId } from '../../src/shared/ids.ts'
import { slotOf } from '../../src/storage/shards.ts'
import { isClean } from '../../tools/replay/checker.ts'
import { Cluster } from '../chaos/cluster.ts'
import { SHORT_SETTINGS } from '../chaos/short-settings.ts'
import { Crowd } from '../faults/crowd.ts'
import { runShards } from '../helpers/shards-tool.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server')

const USERS = 16
const PER_SECOND = 100
/** Shown before and after each move. */
const MESSAGES = 100
let cluster: Cluster

test.before(async () => {
  cluster = await Cluster.start({ nodes: 2, databases: 2, settings: SHORT_SETTINGS })
})

test.after.always(() => cluster?.stop())

test.serial('all slots move there and back under load, and nothing is lost, doubled or out of order', async (t) => {
  await underLoad(t, 901, async (crowd) => {
    await crowd.moreDisplayed(MESSAGES)
    await shards(t, 'move', '0-511', '2', '--together', '256')
    await crowd.moreDisplayed(MESSAGES)
    await shards(t, 'move', '0-1023', '1', '--together', '1024')
    await crowd.moreDisplayed(MESSAGES)
    await shards(t, 'move', '512-1023', '2', '--together', '512')
    await crowd.moreDisplayed(MESSAGES)
  })
})

test.serial(
  'a node that is frozen from before a move until after it writes nothing where the slots were',
  async (t) => {
    const [frozen] = cluster.nodes
    await underLoad(t, 902, async (crowd) => {
      await crowd.moreDisplayed(MESSAGES)
      frozen!.process.freeze()
      try {
        await shards(t, 'move', '0-511', '2', '--together', '512')
      } finally {
        frozen!.process.thaw()
      }
      await crowd.moreDisplayed(MESSAGES)
      await cluster.ready()
      await shards(t, 'move', '0-511', '1', '--together', '512')
    })
  },
)

/** Lets a crowd write to each other meanwhile, and checks all that became of it. */
async function underLoad(t: ExecutionContext, seed: number, work: (crowd: Crowd) => Promise<void>): Promise<void> {
  t.timeout(300_000)
  const { url, sms, target } = cluster
  const crowd = await Crowd.gather({ url, sms, target, users: USERS, seed, restMs: 90_000 })
  try {
    const users = crowd.people.map(({ user }) => user as UserId)
    t.is(new Set(users.map((user) => slotOf(user) < 512)).size, 2, 'the crowd is in both databases')
    crowd.load({ perSecond: PER_SECOND, absences: true })
    await work(crowd)
    await crowd.rest()
    await waitUntil('no row is left', async () => (await cluster.readEnvelopes(users)).length === 0)
    const { sent, displayed, refusedForNow, sessions, longestStallMs } = crowd.tally()
    t.log(
      `sent ${sent}, displayed ${displayed}, refused for now ${refusedForNow}, sessions ${sessions}, ` +
        `longest stall ${(longestStallMs / 1_000).toFixed(1)} s`,
    )
    const findings = crowd.findings()
    t.true(isClean(findings), JSON.stringify(findings))
    t.deepEqual(crowd.complaints, [])
  } catch (error) {
    t.log(await cluster.lastWords())
    throw error
  } finally {
    await crowd.close()
  }
}

async function shards(t: ExecutionContext, ...args: readonly string[]): Promise<void> {
  const urls = cluster.nodes[1]!.postgres.map(({ port }) => `postgresql://parley@127.0.0.1:${port}/parley`)
  const { code, stdout, stderr } = await runShards(urls, ...args)
  t.is(code, 0, `${stdout}${stderr}`)
  t.log(stdout.trim().split('\n').at(-1))
}
