import test from 'ava'
import { Harness } from './harness.ts'

const PER_SECOND = 150
/** Shown between two faults. */
const MESSAGES = 100
let harness: Harness

test.before(async () => {
  harness = await Harness.start({
    postgres: 'embedded',
    // So that a few seconds without PostgreSQL run into every one of them.
    settings: {
      storage: { connectTimeoutMs: 1_000, queryTimeoutMs: 1_000 },
      journal: { giveUpMs: 1_500 },
    },
  })
})

test.after.always(() => harness?.stop())

test.serial('PostgreSQL that restarts under load loses nothing', async (t) => {
  await harness.run(t, { users: 6, seed: 201 }, async (crowd) => {
    crowd.load({ perSecond: PER_SECOND, absences: true })
    for (let i = 0; i < 2; i++) {
      await crowd.moreDisplayed(MESSAGES)
      await harness.levers.restartPostgres()
    }
    await crowd.moreDisplayed(MESSAGES)
  })
})

test.serial('PostgreSQL that is killed under load, in part or whole, loses nothing', async (t) => {
  await harness.run(t, { users: 6, seed: 202 }, async (crowd) => {
    crowd.load({ perSecond: PER_SECOND, absences: true })
    for (const victim of ['postmaster', 'all', 'backend'] as const) {
      await crowd.moreDisplayed(MESSAGES)
      await harness.levers.killPostgres(victim)
    }
    await crowd.moreDisplayed(MESSAGES)
  })
})

test.serial('PostgreSQL that stands still for a while under load loses nothing', async (t) => {
  await harness.run(t, { users: 6, seed: 203 }, async (crowd) => {
    crowd.load({ perSecond: PER_SECOND, absences: true })
    await crowd.moreDisplayed(MESSAGES)
    await harness.levers.freezePostgres(() => crowd.moreSent(4 * PER_SECOND))
    await crowd.moreDisplayed(6 * MESSAGES)
  })
})
