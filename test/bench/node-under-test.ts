import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { defaultLimits } from '../../config/limits.ts'
import { environment } from '../helpers/environment.ts'
import { cpuMs, rssBytes } from './process-usage.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

/** Limits of which the bench takes no notice. */
const ROOMY = JSON.stringify(
  Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, { burst: 1e9, perSecond: 1e9 }])),
)

export interface NodeOptions {
  /** Settings besides those that every node of the bench has. */
  readonly env: Readonly<Record<string, string>>
  /** Takes the text messages. */
  readonly smsUrl: string
  /** Where a CPU profile of its whole life goes; undefined: none is made. */
  readonly profileDir?: string | undefined
}

export type Metrics = (name: string, label?: string) => number

/** A node as `npm start` starts it: the real program in a process of its own. */
export class NodeUnderTest {
  readonly url: string
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #options: NodeOptions

  private constructor(url: string, child: ChildProcess, folder: string, options: NodeOptions) {
    this.url = url
    this.#child = child
    this.#folder = folder
    this.#options = options
  }

  static async start(options: NodeOptions): Promise<NodeUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
    const { profileDir } = options
    if (profileDir !== undefined) await mkdir(profileDir, { recursive: true })
    const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
    const child = spawn(process.execPath, [...profile, main], {
      // Where no `.env` is.
      cwd: folder,
      env: {
        ...environment(),
        HOST: '127.0.0.1',
        PORT: '0',
        DATA_DIR: join(folder, 'data'),
        LOG_LEVEL: 'warn',
        LIMITS: ROOMY,
        SMS_SENDER: options.smsUrl,
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      // Ctrl-C in a terminal is for the bench, which then ends the node.
      detached: true,
    })
    // A bench that ends while it starts must not leave it behind.
    const endNow = (): void => void child.kill('SIGTERM')
    process.once('exit', endNow)
    child.once('exit', () => process.removeListener('exit', endNow))
    try {
      return new NodeUnderTest(await readUrl(child), child, folder, options)
    } catch (error) {
      child.kill('SIGTERM')
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** For WebSockets: `ws://…` without a path. */
  get socketUrl(): string {
    return this.url.replace('http', 'ws')
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Holds `data`, if the node keeps anything there. */
  get dataDir(): string {
    return join(this.#folder, 'data')
  }

  get cpuMs(): number {
    return cpuMs(this.pid)
  }

  get rssBytes(): number {
    return rssBytes(this.pid)
  }

  /** The sum of all values of a metric, over its labels, or over those that have this one: `name="value"`. */
  async metrics(): Promise<Metrics> {
    const text = await fetch(`${this.url}/metrics`).then((response) => response.text())
    return (name, label) => {
      const labels = label === undefined ? '(?:\\{.*\\})?' : `\\{.*${label}.*\\}`
      const lines = text.matchAll(new RegExp(`^${name}${labels} (\\S+)$`, 'gm'))
      return [...lines].reduce((sum, [, value]) => sum + Number(value), 0)
    }
  }

  /** kill -9: its connections break without a word. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Stops it, and returns the file of its profile, if one was made. */
  async stop(): Promise<string | undefined> {
    await this.#end('SIGTERM')
    await rm(this.#folder, { recursive: true, force: true })
    const { profileDir } = this.#options
    if (profileDir === undefined) return undefined
    const file = (await readdir(profileDir)).find((name) => name.includes(`.${this.pid}.`))
    return file === undefined ? undefined : join(profileDir, file)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill(signal)
    await exit
  }
}

/** What it says when it is ready names its URL. */
async function readUrl(child: ChildProcess): Promise<string> {
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line)
    const url = /is ready on (http[^\s,]+)/.exec(line)?.[1]
    if (url === undefined) continue
    child.stdout?.resume()
    return url
  }
  throw new Error(`The node did not start:\n${lines.join('\n')}`)
}
