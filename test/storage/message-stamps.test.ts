import test from 'ava'
import type { Clock } from '../../src/shared/clock.ts'
import { stampMs } from '../../src/shared/ids.ts'
import { MessageStamps } from '../../src/storage/message-stamps.ts'
import type { NodeNumberSource } from '../../src/storage/message-stamps.ts'

const START = 1_800_000_000_000
const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Claims as PostgreSQL gives them, from one clock; asked for, they come with `give`. */
class Numbers implements NodeNumberSource {
  claim = { number: 5, from: START - 1_000, until: START + HOUR }
  wanted: 'more' | 'another' | undefined
  readonly #clock: { ms: number }
  #atMs = 0

  constructor(clock: { ms: number }, number: number) {
    this.#clock = clock
    this.claim.number = number
  }

  wantMore(atMs: number): void {
    this.wanted ??= 'more'
    this.#atMs = atMs
  }

  wantAnother(): void {
    this.wanted = 'another'
  }

  give(): void {
    const { ms } = this.#clock
    if (this.wanted === 'more') this.claim.until = Math.max(this.claim.until, Math.max(ms, this.#atMs) + HOUR)
    if (this.wanted === 'another') this.claim = { number: this.claim.number + 100, from: ms, until: ms + HOUR }
    this.wanted = undefined
  }
}

function stampsAt(number = 5, clock = { ms: START }) {
  const numbers = new Numbers(clock, number)
  const source: Clock = { now: () => clock.ms }
  return { clock, numbers, stamps: new MessageStamps(source, numbers) }
}

test('a stamp holds the time, the number of the node and a counter', (t) => {
  const { stamps } = stampsAt(1_023)
  const { messageId, ms } = stamps.next(0n)!
  t.is(ms, START)
  t.is(stampMs(messageId), START)
  t.is(Number((messageId >> 12n) & 1_023n), 1_023)
  t.is(Number(messageId & 4_095n), 0)
  t.is(Number(stamps.next(0n)!.messageId & 4_095n), 1)
  t.is(stamps.last, START)
})

test('stamps only grow, also beyond 4,096 in a millisecond and under a clock that steps back', (t) => {
  const { stamps, clock } = stampsAt()
  let last = 0n
  for (let i = 0; i < 20_000; i++) {
    if (i % 3_000 === 0) clock.ms -= 700
    if (i % 100 === 0) clock.ms += 7
    const { messageId } = stamps.next(0n)!
    t.true(messageId > last)
    last = messageId
  }
})

test('two nodes at one time never make the same stamp', (t) => {
  const [one, two] = [stampsAt(1), stampsAt(2)]
  const all = new Set<bigint>()
  for (let i = 0; i < 5_000; i++) {
    all.add(one.stamps.next(0n)!.messageId)
    all.add(two.stamps.next(0n)!.messageId)
  }
  t.is(all.size, 10_000)
})

test('a stamp is above the floor of its device, from whatever node that came', (t) => {
  for (const otherNode of [0n, 5n, 1_023n]) {
    for (const aheadMs of [-1_000, 0, 1, 4_999]) {
      const { stamps } = stampsAt(5)
      const floor = (BigInt(START + aheadMs) << 22n) | (otherNode << 12n) | 4_095n
      t.true(stamps.next(floor)!.messageId > floor, `${otherNode} ${aheadMs}`)
    }
  }
})

test('a floor five seconds ahead or more is ignored', (t) => {
  const { stamps } = stampsAt()
  for (const floor of [BigInt(START + 5_000) << 22n, BigInt(START + 31_536_000_000) << 22n, 2n ** 64n - 1n]) {
    t.is(stamps.next(floor)!.ms, START)
  }
})

test('however often floors lift stamps, they lift them no further than five seconds', (t) => {
  const { stamps, clock } = stampsAt()
  for (let i = 0; i < 10; i++) {
    const { ms, messageId } = stamps.next((BigInt(clock.ms + 4_999) << 22n) | 4_095n)!
    t.true(ms <= START + 5_000)
    t.true(stamps.next(messageId + 5_000n)!.ms <= START + 5_000)
  }
})

for (const jump of [10 * 60_000, 31 * DAY]) {
  test(`a clock that jumps ${jump / 60_000} minutes and back stops no stamp, and puts no device out of order`, (t) => {
    const { stamps, clock, numbers } = stampsAt()
    const seen = { early: stamps.next(0n)!.messageId, late: 0n }
    clock.ms += jump
    for (let i = 0; i < 3; i++) {
      const stamp = stamps.next(seen.late)
      if (stamp !== undefined) seen.late = stamp.messageId
      numbers.give()
    }
    t.is(stampMs(seen.late as never), START + jump)
    clock.ms -= jump - 2_000
    // At once, though the other number is not there yet.
    const early = stamps.next(seen.early)!
    t.true(early.messageId > seen.early)
    const late = stamps.next(seen.late)!
    t.true(late.messageId > seen.late)
    t.is(numbers.wanted, 'another')
    numbers.give()
    // From then on the clock's time again, but for devices that have seen later stamps.
    t.is(stamps.next(seen.early)!.ms, clock.ms)
    t.true(stamps.next(early.messageId)!.messageId > early.messageId)
    let last = late.messageId as bigint
    for (let i = 0; i < 10_000; i++) {
      const { messageId } = stamps.next(last)!
      t.true(messageId > last)
      last = messageId
    }
    t.is(stamps.next(0n)!.ms, clock.ms)
    t.is(numbers.wanted, undefined)
  })
}

test('after a jump and back a device that moves to another node of the same clock keeps its order', (t) => {
  const clock = { ms: START }
  const [a, b] = [stampsAt(1, clock), stampsAt(2, clock)]
  b.stamps.next(0n)
  clock.ms += 10 * 60_000
  b.stamps.next(0n)
  clock.ms += 1_000
  const { messageId } = a.stamps.next(0n)!
  clock.ms -= 10 * 60_000
  t.true(b.stamps.next(messageId)!.messageId > messageId)
  b.numbers.give()
  t.is(b.stamps.next(0n)!.ms, clock.ms)
  t.true(b.stamps.next(messageId)!.messageId > messageId)
})

test('a node that stamped nothing while its clock was ahead knows that others may have', (t) => {
  const clock = { ms: START }
  const [a, b] = [stampsAt(1, clock), stampsAt(2, clock)]
  b.stamps.next(0n)
  clock.ms += 10 * 60_000
  const { messageId } = a.stamps.next(0n)!
  clock.ms -= 10 * 60_000
  b.stamps.clockStepped(START + 10 * 60_000)
  t.true(b.stamps.next(messageId)!.messageId > messageId)
  b.numbers.give()
  t.true(b.stamps.next(messageId)!.messageId > messageId)
  t.is(b.stamps.next(0n)!.ms, START)
})

test('a claim is made to reach as far as a device has seen stamps of other nodes', (t) => {
  const clock = { ms: START }
  const [a, b] = [stampsAt(1, clock), stampsAt(2, clock)]
  clock.ms += 31 * DAY
  a.stamps.next(0n)
  a.numbers.give()
  const { messageId } = a.stamps.next(0n)!
  clock.ms -= 31 * DAY
  b.stamps.clockStepped(START + 31 * DAY)
  t.is(b.stamps.next(messageId), undefined)
  b.numbers.give()
  t.true(b.stamps.next(messageId)!.messageId > messageId)
})

test('another claim makes a node forget nothing of what its clock has shown', (t) => {
  const clock = { ms: START }
  const [a, b] = [stampsAt(1, clock), stampsAt(2, clock)]
  clock.ms += 10 * 60_000
  const { messageId } = a.stamps.next(0n)!
  clock.ms -= 10 * 60_000
  b.stamps.clockStepped(START + 10 * 60_000)
  b.numbers.wantAnother()
  b.numbers.give()
  t.is(b.stamps.next(0n)!.ms, START)
  t.true(b.stamps.next(messageId)!.messageId > messageId)
})

test('no stamp is made twice, whatever the clock does', (t) => {
  const { stamps, clock, numbers } = stampsAt()
  const steps = [31 * DAY, -31 * DAY, 10 * 60_000, -10 * 60_000, 2 * HOUR, -DAY, 1, 0, -3, DAY]
  const all = new Set<bigint>()
  let made = 0
  let floor = 0n
  for (let i = 0; i < 5_000; i++) {
    clock.ms += steps[(i * 7 + (i >> 3)) % steps.length]!
    const stamp = stamps.next(i % 3 === 0 ? floor : 0n)
    if (stamp !== undefined) {
      made++
      all.add(stamp.messageId)
      if (i % 3 === 0) floor = stamp.messageId
    }
    if (i % 2 === 0) {
      // PostgreSQL never gives a number whose claim may not be over.
      numbers.give()
      if (numbers.claim.number > 1_023) break
    }
  }
  t.is(all.size, made)
})

test('nothing is stamped at or beyond the end of the claim, nor before it begins', (t) => {
  const { stamps, clock, numbers } = stampsAt()
  const { claim } = numbers
  clock.ms = claim.until - 1
  t.is(stamps.next(0n)!.ms, claim.until - 1)
  clock.ms = claim.until
  t.is(stamps.next(0n), undefined)
  t.false(stamps.canStamp)
  t.is(numbers.wanted, 'more')
  numbers.give()
  t.true(stamps.canStamp)
  t.is(stamps.next(0n)!.ms, clock.ms)
  numbers.claim = { number: 7, from: clock.ms + 20, until: clock.ms + HOUR }
  t.is(stamps.next(0n)!.ms, clock.ms + 20)
})

test('a floor does not lift a stamp over the end of the claim', (t) => {
  const { stamps, clock, numbers } = stampsAt()
  clock.ms = numbers.claim.until - 1_000
  t.is(stamps.next(BigInt(numbers.claim.until + 10) << 22n), undefined)
  t.is(stamps.next(0n)!.ms, clock.ms)
})
