import anyTest from 'ava'
import { testWithTools } from '../helpers/tools.ts'
import { bench } from './run-bench.ts'
import type { Spread } from './statistics.ts'

const test = testWithTools(anyTest, 'nats-server')

const [SECONDS, WARM_UP] = ['1', '0.2']

test('messages between two nodes are measured by process, beside a node alone', async (t) => {
  const load = ['--windows', '4', '--acks', 'immediate', '--pairs', '5']
  const { wholeLives } = await bench('--cluster', '--repeat', '1', '--seconds', SECONDS, '--warm-up', WARM_UP, ...load)
  const [one, cluster] = wholeLives.lives.map(({ cells }) => cells[0])
  const used = ({ median }: Spread): boolean => median > 0
  t.deepEqual(one?.nodeMicros.map(used), [true])
  t.is(one?.natsMicros.median, 0)
  t.deepEqual(cluster?.nodeMicros.map(used), [true, true])
  const { nodeMicros = [], natsMicros, postgresMicros, serverMicros } = cluster ?? {}
  const parts = [...nodeMicros, natsMicros, postgresMicros].map((part) => part?.median ?? Number.NaN)
  const together = serverMicros?.median ?? 0
  t.true(Math.abs(together - parts.reduce((sum, micros) => sum + micros, 0)) < 1e-6)
  t.is(wholeLives.ratios.cells[0]?.median, together / (one?.serverMicros.median ?? 0))
})
