import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { environment } from './environment.ts'
import type { Teardown } from './database.ts'
import { waitUntil } from './wait-until.ts'

/** A node as its operator starts it: a process of its own. */
export class NodeProcess {
  readonly #child: ChildProcess
  #stdout = ''
  #stderr = ''
  readonly #exit: Promise<unknown>

  /** @param files - how many the system allows it */
  constructor(t: Teardown, env: Readonly<Record<string, string>>, files?: number) {
    const program = [process.execPath, 'src/main.ts']
    const [command = '', ...args] =
      files === undefined ? program : ['sh', '-c', `ulimit -n ${files}; exec "$0" "$@"`, ...program]
    this.#child = spawn(command, args, {
      env: { ...environment(), HOST: '127.0.0.1', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk
    })
    this.#exit = once(this.#child, 'close')
    t.teardown(() => this.kill('SIGKILL'))
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** The address that it printed, once it has. */
  async ready(): Promise<string> {
    const started = () => this.exited || this.#stdout.includes('Parley is ready on')
    await waitUntil('the node is ready', started, 60_000)
    const url = /Parley is ready on (http:\/\/[^\s,]+)/.exec(this.#stdout)?.[1]
    if (url === undefined) throw new Error(`The node did not start: ${this.#stderr}`)
    return url
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Waits for the end. @returns its exit code; null when a signal ended it */
  async exitCode(): Promise<number | null> {
    await this.#exit
    return this.#child.exitCode
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async kill(name: NodeJS.Signals): Promise<void> {
    this.#child.kill(name)
    await this.#exit
  }

  /** The last code in its log for a phone number. */
  codeFor(phone: string): string | undefined {
    const line = this.#stdout.split('\n').findLast((one) => one.includes(`"to":"${phone}"`))
    return /(\d{6}) is your Parley code/.exec(line ?? '')?.[1]
  }
}
