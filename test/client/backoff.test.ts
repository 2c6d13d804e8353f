import test from 'ava'
import { Backoff, defaultBackoff } from '../../client/backoff.ts'
import { CloseCode } from '../../proto/close-codes.ts'

const LOST = 1006

function delays(backoff: Backoff, count: number, code: number = LOST): number[] {
  return Array.from({ length: count }, () => {
    const after = backoff.closed(code, 0)
    return after.type === 'reconnect' ? after.afterMs : -1
  })
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
  t.deepEqual(backoff.closed(LOST, 100_000 + defaultBackoff.stableMs - 1), { type: 'reconnect', afterMs: 8_000 })
  backoff.connected(200_000)
  t.deepEqual(backoff.closed(LOST, 200_000 + defaultBackoff.stableMs), { type: 'reconnect', afterMs: 500 })
})

test('a delay that the server asks for is kept, never shortened, and bounded', (t) => {
  t.deepEqual(new Backoff(() => 0).closed(CloseCode.DRAINING, 0, 7_000), { type: 'reconnect', afterMs: 7_000 })
  t.deepEqual(new Backoff(() => 1).closed(CloseCode.DRAINING, 0, 7_000), { type: 'reconnect', afterMs: 7_500 })
  t.deepEqual(new Backoff(() => 0).closed(CloseCode.DRAINING, 0, 1e12), { type: 'reconnect', afterMs: 300_000 })
})

test('a server that asks for a delay again and again is asked later and later', (t) => {
  const backoff = new Backoff(() => 1)
  const told = Array.from({ length: 4 }, () => backoff.closed(CloseCode.OVERLOADED, 0, 1_000))
  t.deepEqual(
    told.map((after) => after.type === 'reconnect' && after.afterMs),
    [1_500, 4_000, 9_000, 19_000],
  )
})

test('an overloaded node is never asked at once', (t) => {
  t.deepEqual(delays(new Backoff(() => 0), 2, CloseCode.OVERLOADED), [2_000, 2_000])
})

test('the range of the close code decides whether to connect again', (t) => {
  for (const code of [1000, 1001, 1006, 3000, 4000, 4004, 4321, 4499, 5000]) {
    t.is(new Backoff(() => 0).closed(code, 0).type, 'reconnect', String(code))
  }
  for (const code of [4500, 4501, 4502, 4503, 4504, 4777, 4999]) {
    t.is(new Backoff(() => 0).closed(code, 0).type, 'stop', String(code))
  }
})
