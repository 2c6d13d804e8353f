import test from 'ava'
import { Heartbeat } from '../../src/transport/heartbeat.ts'
import type { Heartbeated } from '../../src/transport/heartbeat.ts'

class Pinged implements Heartbeated {
  alive = true
  spoke = 0
  missed = 0
  pings = 0
  silences = 0
  /** Answers pings. */
  readonly #answers: boolean

  constructor(answers = true) {
    this.#answers = answers
  }

  ping(): void {
    this.pings++
    if (this.#answers) this.alive = true
  }

  onSilence(): void {
    this.silences++
  }
}

const tick = (heartbeat: Heartbeat<Pinged>, seconds: number) => {
  for (let i = 0; i < seconds; i++) heartbeat.tick()
}

test('every connection is pinged once an interval, and evenly over it', (t) => {
  const heartbeat = new Heartbeat<Pinged>(25_000, 10_000, () => undefined)
  const all = Array.from({ length: 1_000 }, () => new Pinged())
  for (const one of all) heartbeat.add(one)
  const counts: number[] = []
  for (let i = 0; i < 25; i++) {
    const before = all.reduce((sum, { pings }) => sum + pings, 0)
    heartbeat.tick()
    counts.push(all.reduce((sum, { pings }) => sum + pings, 0) - before)
  }
  t.true(all.every(({ pings }) => pings === 1))
  t.deepEqual(new Set(counts), new Set([40]))
  tick(heartbeat, 25)
  t.true(all.every(({ pings, silences }) => pings === 2 && silences === 0))
})

test('silence is told after the time to answer, not before', (t) => {
  const heartbeat = new Heartbeat<Pinged>(25_000, 10_000, () => undefined)
  const mute = new Pinged(false)
  heartbeat.add(mute)
  while (mute.pings === 0) heartbeat.tick()
  tick(heartbeat, 9)
  t.is(mute.silences, 0)
  tick(heartbeat, 1)
  t.is(mute.silences, 1)
})

test('a time to answer that is longer than the interval goes on over the pings that follow', (t) => {
  for (const [silenceMs, pings] of [
    [25_000, 1],
    [26_000, 2],
    [50_000, 2],
    [60_000, 3],
  ] as const) {
    const heartbeat = new Heartbeat<Pinged>(25_000, silenceMs, () => undefined)
    const mute = new Pinged(false)
    heartbeat.add(mute)
    while (mute.pings === 0) heartbeat.tick()
    tick(heartbeat, silenceMs / 1_000 - 1)
    t.deepEqual([mute.silences, mute.pings], [0, pings], String(silenceMs))
    tick(heartbeat, 1)
    t.is(mute.silences, 1, String(silenceMs))
  }
})

test('one answer within a long time is enough', (t) => {
  const heartbeat = new Heartbeat<Pinged>(25_000, 60_000, () => undefined)
  const slow = new Pinged(false)
  heartbeat.add(slow)
  for (let i = 1; i <= 600; i++) {
    heartbeat.tick()
    if (i % 59 === 0) slow.alive = true
  }
  t.is(slow.silences, 0)
})

test('anything heard within the time counts as an answer', (t) => {
  const heartbeat = new Heartbeat<Pinged>(25_000, 10_000, () => undefined)
  const slow = new Pinged(false)
  heartbeat.add(slow)
  for (let i = 0; i < 100; i++) {
    heartbeat.tick()
    if (i % 9 === 0) slow.alive = true
  }
  t.is(slow.silences, 0)
  t.is(slow.pings, 4)
})

test('a connection that has just come is not silent before it was pinged', (t) => {
  const heartbeat = new Heartbeat<Pinged>(3_000, 1_000, () => undefined)
  const early = Array.from({ length: 3 }, () => new Pinged(false))
  for (const one of early) {
    heartbeat.add(one)
    heartbeat.tick()
    t.is(one.silences, 0)
  }
})

test('a removed connection is neither pinged nor told', (t) => {
  const heartbeat = new Heartbeat<Pinged>(2_000, 1_000, () => undefined)
  const [gone, stays] = [new Pinged(false), new Pinged(false)]
  heartbeat.add(gone)
  heartbeat.add(stays)
  heartbeat.remove(gone)
  tick(heartbeat, 10)
  t.deepEqual([gone.pings, gone.silences], [0, 0])
  t.true(stays.pings > 0 && stays.silences > 0)
})

test('connections may go while they are walked through', (t) => {
  const heartbeat = new Heartbeat<Pinged>(2_000, 1_000, () => undefined)
  const all: Pinged[] = []
  for (let i = 0; i < 10; i++) {
    const one = new Pinged(false)
    one.onSilence = () => {
      one.silences++
      heartbeat.remove(one)
    }
    all.push(one)
    heartbeat.add(one)
  }
  tick(heartbeat, 10)
  t.true(all.every(({ silences }) => silences === 1))
})

test('the caller is called every second too', (t) => {
  let ticks = 0
  const heartbeat = new Heartbeat<Pinged>(25_000, 10_000, () => void ticks++)
  tick(heartbeat, 7)
  t.is(ticks, 7)
})
