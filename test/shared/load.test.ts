import test from 'ava'
import fc from 'fast-check'
import { parseConfig } from '../../config/config.ts'
import { LoadSignal } from '../../src/shared/load-signal.ts'
import { Load } from '../../src/shared/load.ts'
import type { JournalBacklog } from '../../src/shared/load.ts'

const settings = parseConfig().overload
const CALM = { calmShare: 0.5, calmMs: 1_000 }
const STEP_MS = 100

const idle = { ageMs: 0, bytes: 0, fill: 0, away: false }
type Journal = JournalBacklog & { readonly fill: number }

/** Feeds samples, one a step, and gives the level after each. */
function play(load: Load, samples: readonly { late?: number; journals?: readonly Partial<Journal>[] }[], from = 0) {
  return samples.map(({ late = 0, journals = [{}] }, i) => {
    load.sample({ lateMs: late, journals: journals.map((one) => ({ ...idle, ...one })) }, from + i * STEP_MS)
    return load.level
  })
}

const times = <Item>(count: number, item: Item): Item[] => Array.from({ length: count }, () => item)

test('a level rises with its threshold and falls one by one, each after a time of calm', (t) => {
  const signal = new LoadSignal({ connections: 100, sends: 200 }, CALM)
  const steps: readonly [value: number, now: number, rank: number][] = [
    [99, 0, 0],
    [100, 100, 1],
    [60, 200, 1],
    [200, 300, 2],
    [100, 400, 2],
    [99, 500, 2],
    [99, 1_400, 2],
    [99, 1_500, 1],
    [49, 1_600, 1],
    [50, 2_500, 1],
    [49, 2_600, 1],
    [49, 3_500, 1],
    [49, 3_600, 0],
  ]
  for (const [value, now, rank] of steps) {
    signal.sample(value, now)
    t.is(signal.rank, rank, `${value} at ${now}`)
  }
})

test('whatever the values, a level is never below the threshold that is reached, and calm ends it', (t) => {
  const values = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 })
  fc.assert(
    fc.property(values, (all) => {
      const signal = new LoadSignal({ connections: 100, sends: 200 }, CALM)
      let before = 0
      let now = 0
      for (const value of all) {
        const changed = signal.sample(value, (now += STEP_MS))
        const reached = value >= 200 ? 2 : value >= 100 ? 1 : 0
        t.true(signal.rank >= reached && signal.rank >= before - 1)
        t.is(changed, signal.rank !== before)
        before = signal.rank
      }
      for (let i = 0; i < 30; i++) signal.sample(0, (now += STEP_MS))
      t.is(signal.rank, 0)
    }),
  )
})

test('one pause of the event loop, however long, sheds nothing; delay that lasts does, and it ends by itself', (t) => {
  const load = new Load(settings, 1)
  t.deepEqual(new Set(play(load, [...times(5, {}), { late: 600_000 }, ...times(5, {})])), new Set(['ok']))
  const late = settings.eventLoopDelayMs.sends * 2
  t.is(play(load, times(10, { late }), 10_000).at(-1), 'shedding sends')
  t.regex(load.reasons().join(), /^the event loop is \d+ ms late: shedding sends$/)
  const after = play(load, times(100, {}), 20_000)
  t.deepEqual([...new Set(after)], ['shedding sends', 'shedding connections', 'ok'])
})

test('a journal counts for its own shard, and for the node when all are behind', (t) => {
  const load = new Load(settings, 2)
  const late = { ageMs: settings.journalAgeMs.sends }
  t.is(play(load, [{ journals: [late, {}] }])[0], 'ok')
  t.deepEqual([load.journalLevel(0), load.journalLevel(1)], ['shedding sends', 'ok'])
  const full = { fill: settings.journalFill.connections }
  t.is(play(load, [{ journals: [late, full] }], STEP_MS)[0], 'shedding connections')
  t.deepEqual(load.reasons(), [
    'journal 1 is 1500 ms behind: shedding sends',
    'journal 2 is 50 % full: shedding connections',
  ])
})

test('a journal without PostgreSQL keeps its level until that is back', (t) => {
  const load = new Load(settings, 1)
  const away = { ageMs: 60_000, away: true }
  t.is(play(load, times(50, { journals: [away] })).at(-1), 'ok')
  play(load, [{ journals: [{ ageMs: 60_000 }] }], 10_000)
  t.is(play(load, times(50, { journals: [{ ...away, ageMs: 0 }] }), 20_000).at(-1), 'shedding sends')
  t.is(play(load, times(50, {}), 30_000).at(-1), 'ok')
})

test('the time to come again grows with the backlog, within its bounds, and differs by chance', (t) => {
  const load = new Load(settings, 1)
  const { retryAfterMs, maxRetryAfterMs, journalAgeMs } = settings
  t.is(load.retryAfterMs(0), retryAfterMs)
  t.is(load.retryAfterMs(1), retryAfterMs * 1.5)
  play(load, [{ journals: [{ ageMs: journalAgeMs.sends * 4 }] }])
  t.is(load.retryAfterMs(0), retryAfterMs * 4)
  play(load, [{ journals: [{ ageMs: journalAgeMs.sends * 1_000 }] }], STEP_MS)
  t.is(load.retryAfterMs(0), maxRetryAfterMs)
  t.is(load.retryAfterMs(0.5), maxRetryAfterMs * 1.25)
})
