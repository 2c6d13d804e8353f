import test from 'ava'
import { ToolProcess } from './tool-process.ts'

const KEEP = 'tools/cluster/keep.ts'

function keep(script: string, ...args: readonly string[]): readonly string[] {
  return [KEEP, process.execPath, '--eval', script, ...args]
}

test('a program that is killed is started again', async (t) => {
  const script = 'console.log(`here ${process.pid}`); setInterval(() => {}, 1_000)'
  const kept = new ToolProcess(t, keep(script))
  const [, first = ''] = await kept.printed(/here (\d+)/)
  process.kill(Number(first), 'SIGKILL')
  await kept.printed(/ended by SIGKILL: starting it again/)
  const [, second = ''] = await kept.printed(/here \d+\D[^]*here (\d+)/)
  t.not(first, second)
  kept.signal('SIGTERM')
  await kept.exitCode()
})

test('a program that is told to end is not started again, and its exit code goes on', async (t) => {
  const script = `process.on('SIGINT', () => process.exit(7)); console.log('here'); setInterval(() => {}, 1_000)`
  const kept = new ToolProcess(t, keep(script))
  await kept.printed(/here/)
  kept.signal('SIGINT')
  t.is(await kept.exitCode(), 7)
  t.false(kept.output.includes('again'))
})

test('a program that never runs is given up', async (t) => {
  const kept = new ToolProcess(t, [KEEP, 'there-is-no-such-program'])
  t.is(await kept.exitCode(), 1)
  t.regex(kept.output, /there-is-no-such-program ended by spawn .*ENOENT, for the 5th time in a row: giving up/)
})
