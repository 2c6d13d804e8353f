import test from 'ava'
import type { Clock } from '../../src/shared/clock.ts'
import { stampMs } from '../../src/shared/ids.ts'
import { MessageStamps } from '../../src/storage/message-stamps.ts'

const START = 1_800_000_000_000

function stampsAt(number = 5) {
  const clock = { ms: START }
  const claim = { number, until: START + 3_600_000 }
  const source: Clock = { now: () => clock.ms }
  return { clock, claim, stamps: new MessageStamps(source, () => claim) }
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

test('stamps that a floor has lifted wait for the clock, and refuse once they are ten seconds ahead', (t) => {
  const { stamps, clock } = stampsAt()
  let floor = 0n
  let lifted = 0
  for (; lifted < 10; lifted++) {
    const stamp = stamps.next((BigInt(clock.ms + 4_999) << 22n) | 4_095n)
    floor = stamp!.messageId
    t.true(stamp!.ms <= START + 5_000)
  }
  clock.ms = START - 5_001
  t.is(stamps.next(floor), undefined)
  clock.ms = START - 4_999
  t.true(stamps.next(floor)!.messageId > floor)
})

test('a clock that steps back far stops the stamps until it has come near again', (t) => {
  const { stamps, clock } = stampsAt()
  const before = stamps.next(0n)!.messageId
  clock.ms = START - 10_001
  t.is(stamps.next(0n), undefined)
  clock.ms = START - 9_999
  t.true(stamps.next(0n)!.messageId > before)
})

test('nothing is stamped at or beyond the end of the claim', (t) => {
  const { stamps, clock, claim } = stampsAt()
  clock.ms = claim.until - 1
  t.is(stamps.next(0n)!.ms, claim.until - 1)
  clock.ms = claim.until
  t.is(stamps.next(0n), undefined)
  claim.until += 1_000
  t.is(stamps.next(0n)!.ms, clock.ms)
  claim.until = 0
  t.is(stamps.next(0n), undefined)
})

test('a floor does not lift a stamp over the end of the claim', (t) => {
  const { stamps, clock, claim } = stampsAt()
  clock.ms = claim.until - 1_000
  t.is(stamps.next(BigInt(claim.until + 10) << 22n), undefined)
  t.is(stamps.next(0n)!.ms, clock.ms)
})
