import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const STOP_MS = 60_000
const KEPT_LINES = 30

export interface OwnProcessOptions {
  readonly main: URL
  readonly args?: readonly string[]
  readonly env: Readonly<Record<string, string>>
  onLine?(line: string): void
}

/** A program of this project for the time of one run. Its data lies in a folder of its own, which goes with it. */
export class OwnProcess {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #dataDir: string
  readonly #lines: string[] = []

  constructor(dataDir: string, { main, args = [], env, onLine }: OwnProcessOptions) {
    const child = spawn(process.execPath, [fileURLToPath(main), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C in the terminal is for this tool: it stops the program when it is done with it.
      detached: true,
    })
    // When this tool crashes the program still ends in good order.
    process.once('exit', () => child.kill('SIGTERM'))
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        this.#lines.push(line)
        if (this.#lines.length > KEPT_LINES) this.#lines.shift()
        onLine?.(line)
      })
    }
    this.#child = child
    this.#dataDir = dataDir
    this.ended = new Promise((resolve) => child.once('exit', () => resolve()))
  }

  /** A new folder for the data of one. */
  static createDataDir(name: string): Promise<string> {
    return mkdtemp(join(tmpdir(), `parley-${name}-`))
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The last lines that it has printed. */
  get lastWords(): string {
    return this.#lines.join('\n')
  }

  /** Asks it to end. */
  interrupt(): void {
    this.#child.kill('SIGTERM')
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    if (this.runs) {
      this.interrupt()
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
      await this.ended
      clearTimeout(killer)
    }
    // Whatever it had started may still write its last.
    await rm(this.#dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
