import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Teardown } from '../../helpers/database.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

const LAST_WORDS = 3_000

/** A program of this project as its user starts it. */
export class ToolProcess {
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>
  #output = ''

  constructor(t: Teardown, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (chunk: Buffer): void => {
      this.#output += chunk.toString()
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.#exit = once(this.#child, 'close')
    t.teardown(async () => {
      this.#child.kill('SIGTERM')
      await this.#exit
    })
  }

  /** What it has printed. */
  get output(): string {
    return this.#output
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Waits until it has printed this. @returns the match */
  async printed(what: RegExp, deadlineMs = 60_000): Promise<RegExpExecArray> {
    const found = (): boolean => what.test(this.#output)
    const ended = (): boolean => this.#child.exitCode !== null || this.#child.signalCode !== null
    await waitUntil(`it prints ${what.source}`, () => found() || ended(), deadlineMs).catch((cause: unknown) => {
      throw new Error(`${String(cause)}\n${this.#output.slice(-LAST_WORDS)}`, { cause })
    })
    const match = what.exec(this.#output)
    if (match === null) throw new Error(`It ended without printing ${what.source}:\n${this.#output.slice(-LAST_WORDS)}`)
    return match
  }

  /** Waits for the end. @returns its exit code; null when a signal ended it */
  async exitCode(): Promise<number | null> {
    await this.#exit
    return this.#child.exitCode
  }
}
