import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import type { Teardown } from './database.ts'
import { requireTool } from './tools.ts'
import { waitUntil } from './wait-until.ts'

/** Processes start slowly on a busy machine. */
const PATIENCE_MS = 60_000

/** A program in a terminal of its own (of `script`, which util-linux brings), after it the settings of that terminal. */
export class TerminalProcess {
  readonly ended: Promise<unknown>
  readonly #process: ChildProcessWithoutNullStreams
  #output = ''

  /** @param command - for a shell; `exec` it, so that its process is `$$` */
  constructor(t: Teardown, command: string, env: Readonly<Record<string, string | undefined>>) {
    const shell = `stty rows 24 cols 80; sh -c 'echo pid $$; ${command}'; echo "left with $?"; stty -a`
    this.#process = spawn(requireTool('script'), ['-qfec', shell, '/dev/null'], {
      env: { ...env, TERM: 'xterm-256color' },
    })
    this.#process.stdin.on('error', () => {})
    this.#process.stdout.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString()
    })
    this.ended = once(this.#process, 'close')
    t.teardown(async () => {
      this.#process.kill('SIGKILL')
      await this.ended
    })
  }

  /** All that came to the terminal. */
  get output(): string {
    return this.#output
  }

  type(keys: string): void {
    this.#process.stdin.write(keys)
  }

  signal(name: NodeJS.Signals): void {
    process.kill(Number(/^pid (\d+)/m.exec(this.#output)?.[1]), name)
  }

  async see(what: RegExp): Promise<RegExpExecArray> {
    await waitUntil(`the terminal shows ${String(what)}`, () => what.test(this.#output), PATIENCE_MS).catch(
      (error: Error) => {
        throw new Error(`${error.message}; it shows:\n${this.#output}`)
      },
    )
    return what.exec(this.#output) as RegExpExecArray
  }
}
