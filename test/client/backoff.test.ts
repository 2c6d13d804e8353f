import test from 'ava'
import { Backoff, defaultBackoff } from '../../client/backoff.ts'
import { CloseCode } from '../../proto/close-codes.ts'

const LOST = 1006

function delays(backoff: Backoff, count: number, code: number = LOST): number[] {
  return Array.from({ length: count }, () => backoff.lost(code, 0))
}

test('the bound of the delay doubles up to the cap', (t) => {
  t.deepEqual(delays(new Backoff(() => 1), 9), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
})

test('the delay is any share of its bound', (t) => {
  t.deepEqual(delays(new Backoff(() => 0), 3), [0, 0, 0])
  t.deepEqual(delays(new Backoff(() => 0.5), 3), [250, 500, 1_000])
})

test('a connection that was good for a while starts the delays anew, a short one does not', (t) => {
  const backoff = new Backoff(() => 1)
  delays(backoff, 4)
  backoff.connected(100_000)
  t.is(backoff.lost(LOST, 100_000 + defaultBackoff.stableMs - 1), 8_000)
  backoff.connected(200_000)
  t.is(backoff.lost(LOST, 200_000 + defaultBackoff.stableMs), 500)
})

test('a delay that the server asks for is kept, never shortened, and bounded', (t) => {
  t.is(new Backoff(() => 0).lost(CloseCode.DRAINING, 0, 7_000), 7_000)
  t.is(new Backoff(() => 1).lost(CloseCode.DRAINING, 0, 7_000), 7_500)
  t.is(new Backoff(() => 0).lost(CloseCode.DRAINING, 0, 1e12), 300_000)
})

test('a server that asks for a delay again and again is asked later and later', (t) => {
  const backoff = new Backoff(() => 1)
  const told = Array.from({ length: 4 }, () => backoff.lost(CloseCode.OVERLOADED, 0, 1_000))
  t.deepEqual(told, [1_500, 4_000, 9_000, 19_000])
})

test('an overloaded node is never asked at once', (t) => {
  t.deepEqual(delays(new Backoff(() => 0), 2, CloseCode.OVERLOADED), [2_000, 2_000])
})

test('after a fault the client comes back slowly, and more slowly with each that follows', (t) => {
  const backoff = new Backoff(() => 0)
  const faults = Array.from({ length: 8 }, (_, i) => {
    backoff.connected(i * 60_000)
    return backoff.faulted(i * 60_000 + 30_000)
  })
  t.deepEqual(faults, [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
})

test('after ten good minutes, or when somebody asks for it, a fault counts as the first', (t) => {
  const backoff = new Backoff(() => 1)
  t.deepEqual([backoff.faulted(0), backoff.faulted(0)], [10_000, 20_000])
  backoff.connected(100)
  t.is(backoff.faulted(100 + defaultBackoff.faultStableMs), 10_000)
  backoff.reset()
  t.is(backoff.faulted(0), 10_000)
})
