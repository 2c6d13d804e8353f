import test from 'ava'
import { percentile, spread } from './statistics.ts'

test('a percentile is the value that this share of all values does not exceed', (t) => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  t.is(percentile(values, 0.5), 50)
  t.is(percentile(values, 0.99), 99)
  t.is(percentile(values, 1), 100)
  t.is(percentile([7], 0.01), 7)
})

test('a percentile of nothing is no number', (t) => {
  t.is(percentile([], 0.5), Number.NaN)
})

test('a spread has the middle of the values, in whatever order they come', (t) => {
  t.deepEqual(spread([9, 1, 4]), { median: 4, min: 1, max: 9 })
  t.deepEqual(spread([10, 2, 1, 3]), { median: 2.5, min: 1, max: 10 })
})
