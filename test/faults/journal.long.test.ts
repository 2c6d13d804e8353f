import test from 'ava'
import { Harness } from './harness.ts'

const MiB = 1_024 * 1_024
const REFUSALS = 20
/** A writer has one of these on its way: all of them together are more than the buffer takes. */
const WRITERS = 28
const LONG_LETTER = 'Dear friend, '.repeat(4_000)
let harness: Harness

test.before(async () => {
  harness = await Harness.start({
    postgres: 'embedded',
    // The smallest journal buffer that the other settings allow, and time enough for it to fill.
    settings: {
      storage: { connectTimeoutMs: 1_000, queryTimeoutMs: 30_000 },
      mailbox: { inboxBytes: MiB },
      journal: { bufferBytes: MiB, giveUpMs: 60_000 },
    },
  })
})

test.after.always(() => harness?.stop())

test.serial('a full journal refuses for the moment, and delivers everything at last', async (t) => {
  await harness.run(t, { users: WRITERS + 2, seed: 401 }, async (crowd) => {
    const writers = crowd.people.slice(0, WRITERS)
    const readers = crowd.people.slice(WRITERS)
    // Whoever writes for the first time asks the server for keys, which it cannot give while PostgreSQL is frozen.
    for (const writer of writers) for (const reader of readers) crowd.write(writer, reader)
    await crowd.moreDisplayed(writers.length * readers.length)
    crowd.load({ perSecond: 50, writers, readers, words: [LONG_LETTER] })
    await crowd.moreDisplayed(25)
    // What readers who are there acknowledge needs no row: the buffer fills with what waits for the others.
    for (const reader of readers) await reader.leave('disconnected')
    await crowd.moreSent(20)
    await harness.levers.fillJournal(crowd, REFUSALS)
    t.true(crowd.refusedForNow >= REFUSALS)
  })
})
