import test from 'ava'
import { Harness } from './harness.ts'

let harness: Harness

test.before(async () => {
  harness = await Harness.start({ postgres: 'embedded' })
})

test.after.always(() => harness?.stop())

test.serial('a node that is killed three times under load loses nothing', async (t) => {
  await harness.run(t, { users: 6, seed: 101 }, async (crowd) => {
    crowd.load({ perSecond: 150, absences: true })
    for (let i = 0; i < 3; i++) {
      await crowd.moreDisplayed(100)
      await harness.levers.kill()
    }
    await crowd.moreDisplayed(100)
  })
})

test.serial('a node that drains under load and starts again loses nothing', async (t) => {
  await harness.run(t, { users: 6, seed: 102 }, async (crowd) => {
    crowd.load({ perSecond: 150, absences: true })
    for (let i = 0; i < 2; i++) {
      await crowd.moreDisplayed(100)
      t.is(await harness.levers.rollingRestart(), 0)
    }
    await crowd.moreDisplayed(100)
  })
})

test.serial('a node that stands still for a while under load loses nothing', async (t) => {
  await harness.run(t, { users: 6, seed: 103 }, async (crowd) => {
    crowd.load({ perSecond: 150, absences: true })
    await crowd.moreDisplayed(100)
    await harness.levers.freeze(() => crowd.moreSent(400))
    await crowd.moreDisplayed(500)
  })
})
