import test from 'ava'
import { Latencies } from '../../../tools/replay/latencies.ts'

test('percentiles are by nearest rank', (t) => {
  const latencies = new Latencies()
  t.is(latencies.percentileMs(0.5), undefined)
  for (const value of [30, 10, 20, 40]) latencies.add(value)
  t.is(latencies.percentileMs(0.5), 20)
  t.is(latencies.percentileMs(0.99), 40)
  t.is(latencies.percentileMs(0), 10)
})
