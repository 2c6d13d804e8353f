import test from 'ava'
import { Harness } from './harness.ts'

const CUTS = 10
const PER_SECOND = 200
/** Shown between two faults. */
const MESSAGES = 100
let harness: Harness

test.before(async () => {
  harness = await Harness.start({
    postgres: 'linked',
    settings: {
      storage: { connectTimeoutMs: 1_000, queryTimeoutMs: 2_000 },
      journal: { giveUpMs: 1_500 },
      // A slow device shall meet this bound within seconds.
      gateway: { maxBackpressureBytes: 1_100_000 },
    },
  })
})

test.after.always(() => harness?.stop())

test.serial('a link to PostgreSQL that is cut in the middle of statements loses nothing', async (t) => {
  await harness.run(t, { users: 6, seed: 301 }, async (crowd) => {
    crowd.load({ perSecond: PER_SECOND, absences: true })
    for (let i = 0; i < CUTS; i++) {
      await crowd.moreDisplayed(Math.ceil(crowd.random() * 0.4 * MESSAGES))
      harness.levers.cutLink()
    }
    await harness.levers.severLink(() => crowd.moreSent(1.5 * PER_SECOND))
    await crowd.moreDisplayed(MESSAGES)
  })
})

test.serial('clients whose links are cut all at once, again and again, lose nothing', async (t) => {
  await harness.run(t, { users: 12, seed: 302 }, async (crowd) => {
    crowd.load({ perSecond: PER_SECOND })
    for (let i = 0; i < CUTS; i++) {
      await crowd.moreDisplayed(Math.ceil(crowd.random() * 0.6 * MESSAGES))
      harness.levers.reconnectStorm(crowd)
    }
    await crowd.moreDisplayed(MESSAGES)
  })
})

test.serial('a device that stops reading loses nothing, holds up nobody, and nobody has it sent away', async (t) => {
  await harness.run(t, { users: 6, seed: 303 }, async (crowd) => {
    const [slow, ...healthy] = crowd.people
    const closes = await harness.node.closes(4002)
    await harness.levers.slowClient(slow!, async () => {
      crowd.load({ perSecond: PER_SECOND })
      await crowd.moreDisplayed(2 * MESSAGES)
      // Signals fill no window. More than the system and the node would hold: what there is no room for is dropped.
      for (let i = 0; i < 300; i++) healthy[0]!.signal(slow!.user, new Uint8Array(50_000))
      await crowd.moreDisplayed(2 * MESSAGES)
      t.is(await harness.node.closes(4002), closes)
    })
    await crowd.moreDisplayed(2 * MESSAGES)
  })
})
