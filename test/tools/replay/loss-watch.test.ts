import test from 'ava'
import * as fc from 'fast-check'
import { LossWatch } from '../../../tools/replay/loss-watch.ts'
import type { Loss } from '../../../tools/replay/loss-watch.ts'

const A = '1.1'
const B = '2.1'

function start(): { watch: LossWatch; losses: Loss[] } {
  const losses: Loss[] = []
  return { watch: new LossWatch((loss) => losses.push(loss)), losses }
}

test('a message is lost when a later one of its sender was shown, whichever is heard of last', (t) => {
  const { watch, losses } = start()
  for (const id of ['a', 'b', 'c']) watch.sent(id, A, B)
  watch.accepted('a', A, B)
  watch.shown('b', A, B)
  t.deepEqual(
    losses.map(({ id, from, to }) => [id, from, to]),
    [['a', A, B]],
  )
  watch.shown('c', A, B)
  t.is(losses.length, 1, 'it is told once')

  const later = start()
  for (const id of ['a', 'b']) later.watch.sent(id, A, B)
  later.watch.shown('b', A, B)
  t.deepEqual(later.losses, [], 'what has no ✓ may have been refused')
  later.watch.accepted('a', A, B)
  t.is(later.losses[0]?.id, 'a')
})

test('a message is lost when its device has caught up in a session that began after ✓, and not in one from before', (t) => {
  const { watch, losses } = start()
  introduce(watch)
  watch.sent('a', A, B)
  watch.connecting(B)
  watch.accepted('a', A, B)
  watch.caughtUp(B)
  t.deepEqual(losses, [])
  watch.connecting(B)
  watch.caughtUp('3.1')
  t.deepEqual(losses, [])
  watch.caughtUp(B)
  t.is(losses[0]?.id, 'a')
})

test('what comes from somebody new may wait for their device list while its device has caught up', (t) => {
  const { watch, losses } = start()
  watch.sent('a', A, B)
  watch.accepted('a', A, B)
  watch.connecting(B)
  watch.caughtUp(B)
  t.deepEqual(losses, [])
  watch.shown('a', A, B)
  watch.sent('b', A, B)
  watch.accepted('b', A, B)
  watch.connecting(B)
  watch.caughtUp(B)
  t.is(losses[0]?.id, 'b')
})

test('other senders and other recipients prove nothing', (t) => {
  const { watch, losses } = start()
  watch.sent('a', A, B)
  watch.accepted('a', A, B)
  watch.sent('x', '3.1', B)
  watch.shown('x', '3.1', B)
  watch.sent('y', A, '3.1')
  watch.shown('y', A, '3.1')
  t.deepEqual(losses, [])
})

/** What happens in a run without faults, but for the messages that are dropped after ✓. */
/** B has shown something of A. */
function introduce(watch: LossWatch): void {
  watch.sent('first', A, B)
  watch.accepted('first', A, B)
  watch.shown('first', A, B)
}

const runs = fc.record({
  steps: fc.array(fc.constantFrom('send', 'accept', 'show', 'reconnect'), { minLength: 20, maxLength: 60 }),
  dropped: fc.nat({ max: 5 }),
})

/** Sends from one device to another; the one with the number `dropped` is never shown. */
function play(steps: readonly string[], dropped: number | undefined): { losses: Loss[]; isDropped: boolean } {
  const { watch, losses } = start()
  introduce(watch)
  const waiting: string[] = []
  const accepted: string[] = []
  let sent = 0
  let isDropped = false
  const show = (): void => {
    const id = accepted.shift()
    if (id === undefined) return
    if (id === String(dropped)) isDropped = true
    else watch.shown(id, A, B)
  }
  for (const step of steps) {
    if (step === 'send') {
      waiting.push(String(sent))
      watch.sent(String(sent++), A, B)
    } else if (step === 'accept' && waiting.length > 0) {
      const id = waiting.shift()!
      accepted.push(id)
      watch.accepted(id, A, B)
    } else if (step === 'show') {
      show()
    } else if (step === 'reconnect') {
      watch.connecting(B)
      while (accepted.length > 0) show()
      watch.caughtUp(B)
    }
  }
  watch.connecting(B)
  while (accepted.length > 0) show()
  watch.caughtUp(B)
  return { losses, isDropped }
}

test('whatever the order of events, a dropped message is told and no other one', (t) => {
  let drops = 0
  fc.assert(
    fc.property(runs, ({ steps, dropped }) => {
      const { losses, isDropped } = play(steps, dropped)
      if (isDropped) drops++
      t.deepEqual(
        losses.map(({ id }) => id),
        isDropped ? [String(dropped)] : [],
      )
      t.deepEqual(play(steps, undefined).losses, [])
    }),
    { numRuns: 300, seed: 11 },
  )
  t.true(drops > 50)
})
