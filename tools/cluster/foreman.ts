import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const NF = fileURLToPath(new URL('../../node_modules/foreman/nf.js', import.meta.url))
const PROCFILE = fileURLToPath(new URL('../../Procfile', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** foreman, running some entries of the Procfile. When one of them ends, it ends the others. */
export class Foreman {
  /** Resolves when all of it has ended. */
  readonly ended: Promise<unknown>
  readonly #child: ChildProcess

  /**
   * @param formation - such as `postgres=1,nats=1`
   * @param firstPort - PORT of the first process of the first entry
   */
  constructor(formation: string, firstPort: number, env: NodeJS.ProcessEnv) {
    // Without --env foreman would let a file .env replace what is set here.
    const args = ['start', '--env', '', '--procfile', PROCFILE, '--port', String(firstPort), formation]
    this.#child = spawn(process.execPath, ['--no-deprecation', NF, ...args], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      // In a process group of its own: Ctrl-C in a terminal must not reach all processes at once.
      detached: true,
    })
    this.ended = once(this.#child, 'exit')
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Tells all its processes to end, and waits until they have. */
  async stop(): Promise<void> {
    if (this.runs) this.#child.kill('SIGINT')
    await this.ended
  }

  /** Tells all its processes once more. */
  insist(): void {
    if (this.runs && this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGTERM')
  }
}
