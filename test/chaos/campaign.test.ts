import anyTest from 'ava'
import { times } from '../helpers/long.ts'
import { testWithTools } from '../helpers/tools.ts'
import { isPassed, runCampaign } from './campaign.ts'
import type { CampaignResult } from './campaign.ts'
import { Cluster } from './cluster.ts'
import { renderReport } from './report.ts'
import { leverNames } from './schedule.ts'
import type { LeverName } from './schedule.ts'
import { SHORT_SETTINGS } from './short-settings.ts'

const test = testWithTools(anyTest, 'nats-server', 'haproxy')

/** What befalls nodes in no other test of `npm test`, or not in a cluster. */
const RARE: readonly LeverName[] = ['freeze', 'cutLink', 'stopNats', 'slowLine']
const LEVERS = times(RARE, leverNames)
const NODES = times(2, 3)
const DEVICES = times(8, 40)
const PER_SECOND = times(25, 50)
let cluster: Cluster

test.before(async () => {
  cluster = await Cluster.start({ nodes: NODES, databases: 2, diskMiB: 512, settings: SHORT_SETTINGS })
})

test.after.always(() => cluster?.stop())

test.serial('every fault that can befall a cluster, one after the other, loses nothing', async (t) => {
  t.timeout(300_000)
  const seed = Number(process.env['CHAOS_SEED'] ?? 701)
  t.log(`seed ${seed}`)
  let result: CampaignResult
  try {
    result = await runCampaign(cluster, {
      devices: DEVICES,
      seed,
      levers: LEVERS,
      ms: 0,
      perSecond: PER_SECOND,
      short: true,
    })
  } catch (error) {
    t.log(await cluster.lastWords())
    throw error
  }
  t.log(renderReport(result))
  for (const reason of result.leftOut) t.log(`left out: ${reason}`)
  t.deepEqual(result.complaints, [])
  t.deepEqual(result.named, [])
  t.true(isPassed(result))
})
