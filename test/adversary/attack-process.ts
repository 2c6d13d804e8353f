import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { SmsSink } from '../../tools/replay/sms-sink.ts'
import type { FromAttack, ToAttack } from './attack.ts'
import type { Attacker } from './attacker.ts'
import { noCounts } from './tally.ts'
import type { TallyCounts } from './tally.ts'
import type { Mark } from './target.ts'

const PROGRAM = join(import.meta.dirname, 'attack.ts')
/** So long a busy machine may take to get an attacker to its limit. */
const MORE_MS = 15_000
const LOOK_MS = 100
/** After it was told to end. */
const KILL_MS = 8_000

/** A process in which an attacker attacks. */
export class AttackProcess {
  readonly #child: ChildProcess
  readonly #sms: SmsSink
  #counts = noCounts

  private constructor(child: ChildProcess, sms: SmsSink) {
    this.#child = child
    this.#sms = sms
    process.once('exit', this.#endNow)
    child.once('exit', () => process.removeListener('exit', this.#endNow))
    child.on('message', (message: FromAttack) => this.#hear(message))
  }

  /** Resolves when it can begin. */
  static async start(sms: SmsSink): Promise<AttackProcess> {
    const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const attack = new AttackProcess(child, sms)
    await once(child, 'message')
    return attack
  }

  /** Lets an attacker attack for so long, and on until it was refused if it must be. @returns what it counted */
  async run({ name, refusedBy }: Attacker, mark: Mark, seconds: number): Promise<TallyCounts> {
    const exited = once(this.#child, 'exit')
    this.#say({ type: 'attack', name, mark })
    const isRefused = (): boolean =>
      refusedBy.length === 0 || refusedBy.some((answer) => answer in this.#counts.answers)
    const latest = performance.now() + seconds * 1_000 + MORE_MS
    let timer: NodeJS.Timeout
    const endWhenRefused = (): void => {
      if (!isRefused() && performance.now() < latest) {
        timer = setTimeout(endWhenRefused, LOOK_MS)
        return
      }
      this.#say({ type: 'end' })
      timer = setTimeout(this.#endNow, KILL_MS)
    }
    timer = setTimeout(endWhenRefused, seconds * 1_000)
    await exited
    clearTimeout(timer)
    return this.#counts
  }

  #hear(message: FromAttack): void {
    if (message.type === 'counts') {
      this.#counts = message.counts
      return
    }
    const { phone } = message
    const answer = (code: string | undefined): void => this.#say({ type: 'code', phone, code })
    this.#sms.codeFor(phone).then(answer, () => answer(undefined))
  }

  #say(message: ToAttack): void {
    if (this.#child.connected) this.#child.send(message)
  }

  readonly #endNow = (): void => void this.#child.kill('SIGKILL')
}
