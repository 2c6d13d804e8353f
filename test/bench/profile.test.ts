import test from 'ava'
import { sumUp } from './profile.ts'
import type { CpuProfile } from './profile.ts'

const frame = (functionName: string, url = '', lineNumber = -1) => ({ functionName, url, lineNumber })

/** A sample every 10 µs from 1,000 on: work, work, idle, other, work. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('work', 'file:///elsewhere/work.ts', 6) },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('other', 'node:net', 0) },
  ],
  startTime: 990,
  samples: [1, 1, 2, 3, 1],
  timeDeltas: [10, 10, 10, 10, 10],
}

test('a profile is summed up by function, without idle time, for the time of a load', (t) => {
  const sums = sumUp(profile, [{ name: 'all', from: 1_000, to: 1_040, lives: 10 }], 5)
  const [first, second, ...more] = sums.get('all') ?? []
  t.regex(first?.name ?? '', /^work .*work\.ts:7$/)
  t.is(first?.microsPerLife, 2)
  t.is(second?.name, 'other node:net:1')
  t.is(second?.microsPerLife, 1)
  t.is((first?.share ?? 0) + (second?.share ?? 0), 1)
  t.deepEqual(more, [])
})

test('what ran outside of a load is not counted, and only the top functions are named', (t) => {
  const intervals = [
    { name: 'first', from: 1_000, to: 1_010, lives: 1 },
    { name: 'first', from: 1_030, to: 1_040, lives: 1 },
    { name: 'empty', from: 2_000, to: 3_000, lives: 1 },
  ]
  const sums = sumUp(profile, intervals, 1)
  t.is(sums.get('first')?.length, 1)
  t.is(sums.get('first')?.[0]?.share, 0.5)
  t.deepEqual(sums.get('empty'), [])
})
