import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { isClean } from '../../tools/replay/checker.ts'
import { Crowd } from '../faults/crowd.ts'
import type { Person } from '../faults/person.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster.ts'
import { SHORT_SETTINGS } from './short-settings.ts'

const test = testWithTools(anyTest, 'nats-server')

const ROUNDS = 4
const PER_SECOND = 100
const BUFFERED = 'parley_journal_buffer_bytes{shard="1"}'
let cluster: Cluster

test.before(async () => {
  cluster = await Cluster.start({
    nodes: 3,
    databases: 1,
    balanced: false,
    settings: {
      ...SHORT_SETTINGS,
      // Its journal is to wait for PostgreSQL, and its requests for a frozen node.
      journal: { giveUpMs: 10_000 },
      storage: { connectTimeoutMs: 5_000, queryTimeoutMs: 10_000 },
      mailbox: { ...SHORT_SETTINGS.mailbox, offlinePathMs: 200 },
    },
  })
})

test.after.always(() => cluster?.stop())

test.serial('a zombie and a new actor answering one request leave no message at ✓', async (t) => {
  const [zombie, next, other] = nodesOf(cluster)
  await run(t, { people: 4, seed: 702 }, async (crowd) => {
    const [reader, ...writers] = crowd.people as [Person, ...Person[]]
    for (const writer of writers) await move(crowd, writer, other)
    crowd.load({ perSecond: PER_SECOND, writers, readers: [reader] })
    for (let round = 0; round < ROUNDS; round++) {
      await move(crowd, reader, zombie)
      await crowd.moreDisplayed(20)
      // What it delivers from here on is not acknowledged to it.
      reader.link.stall()
      await crowd.moreAccepted(10)
      zombie.process.freeze()
      reader.link.flow()
      try {
        await move(crowd, reader, next)
        // Requests now reach both: the frozen one answers when it thaws.
        await crowd.moreSent(Math.ceil((0.5 + 2.5 * crowd.random()) * PER_SECOND))
      } finally {
        zombie.process.thaw()
      }
      await crowd.moreDisplayed(20)
    }
    t.true((await other.process.readMetric('parley_bus_requests_total{result="timeout"}')) > 0)
    await hasRedelivered(zombie)
  })
})

test.serial(
  'a thawed node with a full inbox, an unflushed journal and a dead socket disorders nothing and leaves no row',
  async (t) => {
    const [frozen, next, other] = nodesOf(cluster)
    const database = cluster.databases[0]!
    await run(t, { people: 12, seed: 703 }, async (crowd) => {
      const [reader, neighbour, ...others] = crowd.people as [Person, Person, ...Person[]]
      const writers = [neighbour, ...others]
      const readers = [reader, ...others]
      for (const writer of others) await move(crowd, writer, other)
      crowd.load({ perSecond: 3 * PER_SECOND, writers, readers })
      for (let round = 0; round < ROUNDS / 2; round++) {
        await move(crowd, neighbour, frozen)
        await move(crowd, reader, frozen)
        await crowd.moreDisplayed(100)
        // What comes for it now is neither acknowledged nor written.
        reader.link.stall()
        await crowd.moreAccepted(10)
        await database.freeze()
        try {
          await crowd.until('its journal waits', async () => (await frozen.process.readMetric(BUFFERED)) > 0)
          frozen.process.freeze()
          await crowd.moreSent(PER_SECOND)
        } finally {
          await database.thaw()
          reader.link.flow()
        }
        try {
          await move(crowd, neighbour, other)
          await move(crowd, reader, next)
          await crowd.moreDisplayed(Math.ceil(crowd.random() * PER_SECOND))
        } finally {
          frozen.process.thaw()
        }
        await crowd.moreDisplayed(PER_SECOND)
      }
      await hasRedelivered(frozen)
    })
  },
)

function nodesOf({ nodes }: Cluster): readonly [ClusterNode, ClusterNode, ClusterNode] {
  return nodes as unknown as readonly [ClusterNode, ClusterNode, ClusterNode]
}

/** Gathers a crowd; after the scenario all must come to rest, with nothing wrong and no row left. */
async function run(
  t: ExecutionContext,
  options: { people: number; seed: number },
  scenario: (crowd: Crowd) => Promise<void>,
): Promise<void> {
  t.timeout(240_000)
  const seed = Number(process.env['CHAOS_SEED'] ?? options.seed)
  t.log(`seed ${seed}`)
  const crowd = await Crowd.gather({ url: cluster.url, sms: cluster.sms, users: options.people, seed })
  try {
    await scenario(crowd)
    await crowd.rest()
    const users = crowd.people.map(({ user }) => user)
    await waitUntil('no row is left', async () => (await cluster.readEnvelopes(users)).length === 0)
    const { sent, displayed, longestStallMs } = crowd.tally()
    t.log(`sent ${sent}, displayed ${displayed}, longest stall ${(longestStallMs / 1_000).toFixed(1)} s`)
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

/** Its session ended with deliveries that were not acknowledged: the next one got them again. */
async function hasRedelivered({ process }: ClusterNode): Promise<void> {
  await waitUntil('envelopes were left over', async () => (await process.readMetric('parley_redeliveries_total')) > 0)
}

/** Its device loses its network, and comes back on that node. */
async function move(crowd: Crowd, person: Person, { port }: ClusterNode): Promise<void> {
  const { sessions } = person
  person.link.retarget({ host: '127.0.0.1', port })
  person.link.cut()
  await crowd.until('it has noticed the cut', () => person.sessions > sessions || !person.isOnline)
  await person.arrive()
  await crowd.until('its next session has begun', () => person.sessions > sessions && person.isOnline)
}
