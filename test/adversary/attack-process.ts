import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { SmsSink } from '../../tools/replay/sms-sink.ts'
import type { FromAttack, ToAttack } from './attack.ts'
import { noCounts } from './tally.ts'
import type { TallyCounts } from './tally.ts'
import type { Mark } from './target.ts'

const PROGRAM = join(import.meta.dirname, 'attack.ts')
const KILL_MS = 8_000

/** Lets an attacker attack in a process of its own, until the signal comes. @returns what it counted */
export async function runAttack(name: string, mark: Mark, sms: SmsSink, signal: AbortSignal): Promise<TallyCounts> {
  const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const endNow = (): void => void child.kill('SIGKILL')
  process.once('exit', endNow)
  let counts = noCounts
  const say = (message: ToAttack): void => {
    if (child.connected) child.send(message)
  }
  child.on('message', (message: FromAttack) => {
    if (message.type === 'counts') counts = message.counts
    else {
      const answer = (code: string | undefined): void => say({ type: 'code', phone: message.phone, code })
      sms.codeFor(message.phone).then(answer, () => answer(undefined))
    }
  })
  const exited = once(child, 'exit')
  let killer: NodeJS.Timeout | undefined
  const end = (): void => {
    say({ type: 'end' })
    killer = setTimeout(endNow, KILL_MS)
  }
  signal.addEventListener('abort', end)
  say({ type: 'attack', name, mark })
  await exited
  clearTimeout(killer)
  signal.removeEventListener('abort', end)
  process.removeListener('exit', endNow)
  return counts
}
