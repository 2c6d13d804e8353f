import test from 'ava'
import { countOfRound, faults, leverNames, schedule } from './schedule.ts'
import type { ScheduleOptions } from './schedule.ts'

const options: ScheduleOptions = { seed: 7, nodes: 3, databases: 2, levers: leverNames, short: false }

test('a seed repeats the schedule of faults, and another one makes another', (t) => {
  const first = [...schedule(options).take(40)]
  t.deepEqual([...schedule(options).take(40)], first)
  t.notDeepEqual([...schedule({ ...options, seed: 8 }).take(40)], first)
})

test('every fault happens once in a round', (t) => {
  const names = Object.keys(faults)
  t.is(countOfRound(options), names.length)
  const steps = [...schedule(options).take(2 * names.length)].map(({ fault }) => fault)
  t.deepEqual(steps.slice(0, names.length).toSorted(), names.toSorted())
  t.deepEqual(steps.slice(names.length).toSorted(), names.toSorted())
})

test('a schedule has the faults of its levers only, and those that the machine can make', (t) => {
  const some = { ...options, levers: ['kill', 'stopNats', 'fillDisk'], without: ['fillDisk'] } as const
  t.is(countOfRound(some), 4)
  const steps = [...schedule(some).take(4)].map(({ fault }) => fault)
  t.deepEqual(steps.toSorted(), ['kill', 'kill with an unflushed journal', 'stopNats, absence', 'stopNats, restart'])
  t.deepEqual([...schedule({ ...options, levers: ['fillDisk'], without: ['fillDisk'] }).take(1)], [])
})

test('leaving out a fault leaves the others as they were', (t) => {
  const all = [...schedule(options).take(16)].filter(({ fault }) => fault !== 'fillDisk')
  t.deepEqual([...schedule({ ...options, without: ['fillDisk'] }).take(all.length)], all)
})
