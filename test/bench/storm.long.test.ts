import anyTest from 'ava'
import { testWithTools } from '../helpers/tools.ts'
import { bench } from './run-bench.ts'

const test = testWithTools(anyTest, 'nats-server')

test('the devices of a killed node come back to the other one, and what was sent meanwhile comes', async (t) => {
  const { storm } = await bench('--cluster', '--storm', '50', '--repeat', '1')
  t.is(storm.devices, 50)
  t.is(storm.cause, 'node killed')
  t.true(storm.attempts.median >= 1)
})
