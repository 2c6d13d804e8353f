import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Limits } from '../../config/limits.ts'
import { environment } from '../helpers/environment.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import type { FakeClock } from './fake-clock.ts'
import { SETTINGS } from './settings.ts'
import type { Settings } from './settings.ts'

export interface NodeProcessOptions {
  /** Holds its logs. */
  readonly directory: string
  /** Holds its PostgreSQL if `databaseUrl` is absent. */
  readonly dataDir: string
  readonly port: number
  readonly databaseUrl?: string
  /** Absent: it is alone. */
  readonly natsUrl?: string
  /** Absent: its PostgreSQL is not backed up. */
  readonly backupDir?: string
  /** Absent: one of its own, with its own PostgreSQL, or no hosted devices. */
  readonly masterKey?: string
  /** Load balancers before it. */
  readonly trustedProxies?: string
  /** In its logs. */
  readonly name?: string
  /** Its system clock; absent: the machine's. */
  readonly clock?: FakeClock
  readonly smsUrl: string
  readonly settings: Settings
  /** Absent: it runs with limits that no test comes near, and with what the machine allows. */
  readonly confines?: Confines
}

/** What a node has in a place where it is watched for what strangers cost it: the default limits, and little room. */
export interface Confines {
  /** Of V8's old space. */
  readonly heapMiB: number
  readonly files: number
}

const START_MS = 40_000
const STOP_MS = 30_000
const THIS_CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))

/** A node as a process of its own, which may be killed and started again on the same port and data. */
export class NodeProcess {
  readonly #options: NodeProcessOptions
  #child: ChildProcess | undefined
  #starts = 0
  #checkout = THIS_CHECKOUT

  constructor(options: NodeProcessOptions) {
    this.#options = options
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.port}`
  }

  /** 0: it was never started. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** From its next start on it is of the version in this folder. */
  use(checkout: string): void {
    this.#checkout = checkout
  }

  /** Resolves when it serves; rejects with its last words when it does not. */
  async start(): Promise<void> {
    if (this.runs) throw new Error('The node runs already')
    this.#starts++
    const log = await open(this.#logFile, 'w')
    const { confines } = this.#options
    const node = [process.execPath, join(this.#checkout, 'test/faults/launch.ts')]
    const [program = '', ...args] = confines === undefined ? node : ['prlimit', `--nofile=${confines.files}`, ...node]
    const child = spawn(program, args, {
      // Where no file `.env` changes anything.
      cwd: this.#options.directory,
      env: { ...this.#environment(), LIMITS: confines === undefined ? await unlimited(this.#checkout) : undefined },
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    })
    this.#child = child
    // Its own process must be able to end while the node runs.
    child.channel?.unref()
    await log.close()
    await waitUntil(
      'the node has started',
      async () => {
        const log = await this.readLog()
        const started = log.includes('"event":"nodeStarted"')
        if (!started && !this.runs) throw new Error(`The node did not start:\n${log}`)
        return started
      },
      START_MS,
    )
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks it to drain and end. @returns its exit code */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** What it has logged since its last start. */
  readLog(): Promise<string> {
    return readFile(this.#logFile, 'utf8')
  }

  /** WebSocket connections that it has ended with this close code since its start. */
  closes(code: number): Promise<number> {
    return this.readMetric(`parley_closes_total{code="${code}"}`)
  }

  /** @param name - with its labels; what was not counted yet is 0 */
  async readMetric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const line = text.split('\n').find((one) => one.startsWith(`${name} `))
    return Number(line?.slice(name.length) ?? 0)
  }

  get #logFile(): string {
    return join(this.#options.directory, `node-${this.#starts}.log`)
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === undefined || !this.runs) return child?.exitCode ?? null
    const exited = once(child, 'exit')
    child.kill(signal)
    // A frozen process hears nothing but SIGKILL.
    if (signal !== 'SIGKILL') child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(timer)
    return child.exitCode
  }

  #environment(): NodeJS.ProcessEnv {
    const { name = 'faults', dataDir, port, databaseUrl, natsUrl, trustedProxies, smsUrl, settings } = this.#options
    const { masterKey, backupDir, clock, confines } = this.#options
    const { HOME, TMPDIR } = process.env
    return {
      ...environment(),
      HOME,
      TMPDIR,
      HOST: '127.0.0.1',
      PORT: String(port),
      NODE_NAME: name,
      DATA_DIR: dataDir,
      DATABASE_URLS: databaseUrl,
      BACKUP_DIR: backupDir,
      NATS_URL: natsUrl,
      MASTER_KEY: masterKey,
      TRUSTED_PROXIES: trustedProxies,
      SMS_SENDER: smsUrl,
      NODE_OPTIONS: confines === undefined ? undefined : `--max-old-space-size=${confines.heapMiB}`,
      [SETTINGS]: JSON.stringify(settings),
      ...clock?.env,
    }
  }
}

/** The limits that this version has, so that no test comes near them. */
async function unlimited(checkout: string): Promise<string> {
  const { href } = pathToFileURL(join(checkout, 'config/limits.ts'))
  const { defaultLimits } = (await import(href)) as { defaultLimits: Limits }
  const limits = Object.keys(defaultLimits).map((name) => [name, { burst: 1e9, perSecond: 1e9 }])
  return JSON.stringify(Object.fromEntries(limits))
}
