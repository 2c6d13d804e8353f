import test from 'ava'
import { pick, shuffle } from '../../tools/replay/random.ts'
import { times } from '../helpers/long.ts'
import type { Crowd } from './crowd.ts'
import { Harness } from './harness.ts'

/** How long faults of all kinds go on after each has come once; FAULT_SECONDS makes a longer campaign of it. */
const SECONDS = Number(process.env['FAULT_SECONDS'] ?? times(0, 60))
const PER_SECOND = times(40, 100)
let harness: Harness

test.before(async () => {
  harness = await Harness.start({
    postgres: 'linked',
    settings: {
      storage: { connectTimeoutMs: 3_000, queryTimeoutMs: 1_500 },
      journal: { giveUpMs: 1_500 },
    },
  })
})

test.after.always(() => harness?.stop())

test.serial('one fault after another, in any order, loses nothing', async (t) => {
  t.timeout((SECONDS + 180) * 1_000)
  await harness.run(t, { users: 8, seed: 601 }, async (crowd) => {
    crowd.load({ perSecond: PER_SECOND, absences: true })
    const befallen: string[] = []
    const befallenBy = async ([name, befall]: Fault): Promise<void> => {
      await crowd.moreSent(Math.ceil(crowd.random() * PER_SECOND))
      befallen.push(name)
      await befall(crowd)
    }
    for (const fault of shuffle(crowd.random, faults)) await befallenBy(fault)
    const end = performance.now() + SECONDS * 1_000
    while (performance.now() < end) await befallenBy(pick(crowd.random, faults))
    t.log(befallen.join(', '))
  })
})

type Fault = readonly [name: string, befall: (crowd: Crowd) => Promise<unknown> | void]

const faults: readonly [Fault, ...Fault[]] = [
  ['kill', () => harness.levers.kill()],
  ['rolling restart', () => harness.levers.rollingRestart()],
  ['freeze', (crowd) => harness.levers.freeze(() => crowd.moreSent(2 * PER_SECOND))],
  ['restart of PostgreSQL', () => harness.levers.restartPostgres()],
  ['kill of PostgreSQL', (crowd) => harness.levers.killPostgres(pick(crowd.random, ['postmaster', 'all', 'backend']))],
  ['frozen PostgreSQL', (crowd) => harness.levers.freezePostgres(() => crowd.moreSent(3 * PER_SECOND))],
  ['cut link', () => harness.levers.cutLink()],
  ['severed link', (crowd) => harness.levers.severLink(() => crowd.moreSent(3 * PER_SECOND))],
  ['reconnect storm', (crowd) => harness.levers.reconnectStorm(crowd)],
  ['slow client', (crowd) => harness.levers.slowClient(crowd.people[0]!, () => crowd.moreSent(2 * PER_SECOND))],
]
