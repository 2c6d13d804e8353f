import test from 'ava'
import { Harness } from './harness.ts'

const ENVELOPES = 10_000
const CUTS = 20
let harness: Harness

test.before(async () => {
  // The window and the page of a real node.
  harness = await Harness.start({
    postgres: 'embedded',
    settings: { mailbox: { windowEnvelopes: 256, inFlightEnvelopes: 1_280 } },
  })
})

test.after.always(() => harness?.stop())

test.serial(
  `a mailbox of ${ENVELOPES} envelopes that is cut ${CUTS} times while it is fetched loses nothing`,
  async (t) => {
    await harness.run(t, { users: 3, seed: 501 }, async (crowd) => {
      const [reader, ...writers] = crowd.people
      await reader!.leave('disconnected')
      for (let i = 0; i < ENVELOPES; i++) crowd.write(writers[i % writers.length]!, reader!)
      await crowd.until('all is accepted', () => crowd.checker.progress().accepted === ENVELOPES)
      await reader!.arrive()
      for (let i = 0; i < CUTS; i++) {
        const so = Math.ceil(((i + crowd.random()) * ENVELOPES) / CUTS)
        await crowd.until(`${so} are displayed`, () => crowd.displayed >= so)
        reader!.link.cut()
        await crowd.until('the reader has noticed the cut', () => !reader!.isOnline)
        await reader!.arrive()
      }
    })
  },
)
