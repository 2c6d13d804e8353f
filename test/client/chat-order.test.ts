import test from 'ava'
import fc from 'fast-check'
import { orderAt, orderOf, orderOfWaiting } from '../../client/chat-order.ts'

const NOW = 1_800_000_000_000
const stamp = fc.record({ ms: fc.integer({ min: NOW, max: NOW + 5 }), node: fc.nat(1023), counter: fc.nat(4095) })

test('places are in the order of the stamps of a node, safe integers, and below what waits', (t) => {
  fc.assert(
    fc.property(stamp, stamp, (a, b) => {
      const [one, other] = [a, b].map(({ ms, node, counter }) =>
        orderOf((BigInt(ms) << 22n) | (BigInt(node) << 12n) | BigInt(counter)),
      ) as [number, number]
      const isBefore = a.ms < b.ms || (a.ms === b.ms && a.counter < b.counter)
      return Number.isSafeInteger(one) && one < other === isBefore && one < orderOfWaiting(1) && one >= orderAt(a.ms)
    }),
  )
  t.true(orderAt(Number.MAX_SAFE_INTEGER) < orderOfWaiting(0))
})
