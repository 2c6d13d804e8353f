import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import anyTest from 'ava'
import { testWithTools } from '../helpers/tools.ts'
import type { Spread } from './statistics.ts'
import type { StormResult } from './storm.ts'
import type { WholeLivesRun } from './whole-lives.ts'

const test = testWithTools(anyTest, 'nats-server')

const TIMEOUT_MS = 110_000

/** Runs the bench. @throws Error when it fails */
async function bench(...args: readonly string[]): Promise<{ wholeLives: WholeLivesRun; storm: StormResult }> {
  const main = 'test/bench/main.ts'
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--json', ...args], { timeout: TIMEOUT_MS })
  return JSON.parse(stdout) as { wholeLives: WholeLivesRun; storm: StormResult }
}

test('messages between two nodes are measured by process, beside a node alone', async (t) => {
  const load = ['--windows', '4', '--acks', 'immediate', '--pairs', '5']
  const { wholeLives } = await bench('--cluster', '--repeat', '1', '--seconds', '1', '--warm-up', '0.2', ...load)
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

test('the devices of a killed node come back to the other one, and what was sent meanwhile comes', async (t) => {
  const { storm } = await bench('--cluster', '--storm', '50', '--repeat', '1')
  t.is(storm.devices, 50)
  t.is(storm.cause, 'node killed')
  t.true(storm.attempts.median >= 1)
})
