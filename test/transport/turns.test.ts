import test from 'ava'
import { Turns } from '../../src/transport/turns.ts'
import type { TurnTaker } from '../../src/transport/turns.ts'

interface Member extends TurnTaker {
  readonly name: string
}

const KiB = 1_024

/** Turns that note whom they handled, and count one frame a message. */
function createTurns(bounds: { waitingBytes?: number; waitingBytesInAll?: number } = {}) {
  const handled: string[] = []
  const turns = new Turns<Member>({
    waitingBytes: 1_000 * KiB,
    waitingBytesInAll: 10_000 * KiB,
    ...bounds,
    handle: ({ name }, message) => {
      handled.push(`${name}${message[0]}`)
      return 1
    },
  })
  const member = (name: string): Member => ({ name, tick: 0, work: 0, waiting: undefined, waitingBytes: 0 })
  let next = 0
  const message = (bytes: number, number = next++) => new Uint8Array(bytes).fill(number)
  return { turns, handled, member, message }
}

/** Uses up what a tick has for those who say much. */
function busy({ turns, member, message, handled }: ReturnType<typeof createTurns>): Member {
  const loud = member('loud')
  turns.take(loud, message(512 * KiB - 128, 99))
  handled.length = 0
  return loud
}

test('what comes in a tick that is not busy is handled at once', (t) => {
  const { turns, handled, member, message } = createTurns()
  const a = member('a')
  for (let i = 0; i < 20; i++) t.true(turns.take(a, message(20 * KiB)))
  t.is(handled.length, 20)
  t.false(turns.endTick())
})

test('in a busy tick who says little is handled at once, and who says much waits', (t) => {
  const all = createTurns()
  const { turns, handled, member, message } = all
  const loud = busy(all)
  const quiet = member('quiet')
  turns.take(loud, message(100, 1))
  turns.take(quiet, message(100, 1))
  turns.take(quiet, message(100, 2))
  t.deepEqual(handled, ['quiet1', 'quiet2'])
  t.false(turns.endTick())
  t.deepEqual(handled, ['quiet1', 'quiet2', 'loud1'])
})

test('in a busy tick long messages wait, of whomever they are, and short ones do not', (t) => {
  const all = createTurns()
  const { turns, handled, member, message } = all
  busy(all)
  const [long, short] = [member('long'), member('short')]
  turns.take(long, message(3 * KiB, 1))
  turns.take(short, message(2 * KiB, 1))
  t.deepEqual(handled, ['short1'])
  t.false(turns.endTick())
  t.deepEqual(handled, ['short1', 'long1'])
})

test('what waits is handled in its order, and what comes meanwhile after it', (t) => {
  const all = createTurns()
  const { turns, handled, message } = all
  const loud = busy(all)
  for (let i = 1; i <= 3; i++) turns.take(loud, message(300 * KiB, i))
  t.true(turns.endTick())
  turns.take(loud, message(1, 4))
  while (turns.endTick());
  t.deepEqual(handled, ['loud1', 'loud2', 'loud3', 'loud4'])
})

test('those who wait take turns', (t) => {
  const all = createTurns()
  const { turns, handled, member, message } = all
  busy(all)
  const [a, b] = [member('a'), member('b')]
  for (let i = 1; i <= 3; i++) turns.take(a, message(20 * KiB, i))
  for (let i = 1; i <= 2; i++) turns.take(b, message(20 * KiB, i))
  t.false(turns.endTick())
  t.deepEqual(handled, ['a1', 'b1', 'a2', 'b2', 'a3'])
})

test('a tick ends: what is beyond it waits for the next one', (t) => {
  const all = createTurns()
  const { turns, handled, member, message } = all
  busy(all)
  const members = ['a', 'b', 'c'].map(member)
  for (const one of members) turns.take(one, message(300 * KiB, 1))
  t.true(turns.endTick())
  t.deepEqual(handled, ['a1', 'b1'])
  t.false(turns.endTick())
  t.deepEqual(handled, ['a1', 'b1', 'c1'])
})

test('what waits is a copy: the library takes its bytes back', (t) => {
  const all = createTurns()
  const { turns, handled, message } = all
  const loud = busy(all)
  const bytes = message(100, 7)
  turns.take(loud, bytes)
  bytes.fill(8)
  turns.endTick()
  t.deepEqual(handled, ['loud7'])
})

test('what waits of one connection is bounded, however small its messages are', (t) => {
  const all = createTurns({ waitingBytes: 10 * KiB })
  const { turns, message } = all
  const loud = busy(all)
  let taken = 0
  while (turns.take(loud, message(1, 1))) taken++
  t.is(taken, Math.floor((10 * KiB) / 513))
  turns.endTick()
  t.true(turns.take(loud, message(1, 1)))
})

test('what waits of all is bounded, and free again when it was handled or its connection has gone', (t) => {
  const all = createTurns({ waitingBytesInAll: 100 * KiB })
  const { turns, member, message } = all
  busy(all)
  const [a, b] = [member('a'), member('b')]
  t.true(turns.take(a, message(60 * KiB)))
  t.false(turns.take(b, message(60 * KiB)))
  turns.forget(a)
  t.true(turns.take(b, message(60 * KiB)))
  t.false(turns.endTick())
  busy(all)
  t.true(turns.take(a, message(60 * KiB)))
  t.is(b.waitingBytes, 0)
})

test('who goes in its turn has no more of them', (t) => {
  const handled: number[] = []
  const turns = new Turns<Member>({
    waitingBytes: 1_000 * KiB,
    waitingBytesInAll: 1_000 * KiB,
    handle: (member, message) => {
      handled.push(message[0]!)
      if (message[0] === 1) turns.forget(member)
      return 1
    },
  })
  const one: Member = { name: 'one', tick: 0, work: 0, waiting: undefined, waitingBytes: 0 }
  turns.take(one, new Uint8Array(512 * KiB - 128))
  for (const number of [1, 2]) turns.take(one, new Uint8Array([number]))
  t.false(turns.endTick())
  t.deepEqual(handled, [0, 1])
})
