import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { defaultLimits } from '../../config/limits.ts'
import { findPostmaster } from '../../src/storage/postmaster.ts'
import { cpuMs, familyCpuMs, rssBytes } from './process-usage.ts'

const root = join(import.meta.dirname, '../..')

/** Limits of which the bench takes no notice. */
const ROOMY = JSON.stringify(
  Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, { burst: 1e9, perSecond: 1e9 }])),
)

export interface ServerOptions {
  readonly smsUrl: string
  /** Where a CPU profile of its whole life goes; undefined: none is made. */
  readonly profileDir?: string | undefined
}

/** CPU time in ms. */
export interface ServerCpu {
  readonly node: number
  readonly postgres: number
}

/**
 * A server as `npm start` starts it: the real program in a process of its own, with an embedded PostgreSQL (fsync on)
 * and data of its own, which goes when it stops.
 */
export class ServerUnderTest {
  readonly url: string
  /** Its PostgreSQL's, for `pg`. */
  readonly databaseUrl: string
  readonly #child: ChildProcess
  readonly #postmasterPid: number
  readonly #dataDir: string
  readonly #options: ServerOptions

  private constructor(
    url: string,
    child: ChildProcess,
    postmaster: { pid: number; socketFolder: string },
    dataDir: string,
    options: ServerOptions,
  ) {
    this.url = url
    this.databaseUrl = `postgresql://parley@localhost/parley?host=${encodeURIComponent(postmaster.socketFolder)}`
    this.#child = child
    this.#postmasterPid = postmaster.pid
    this.#dataDir = dataDir
    this.#options = options
  }

  static async start(options: ServerOptions): Promise<ServerUnderTest> {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'))
    const { profileDir } = options
    if (profileDir !== undefined) await mkdir(profileDir, { recursive: true })
    const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
    const child = spawn(process.execPath, [...profile, join(root, 'src/main.ts')], {
      cwd: dataDir,
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: '0',
        DATA_DIR: join(dataDir, 'data'),
        LOG_LEVEL: 'warn',
        LIMITS: ROOMY,
        SMS_SENDER: options.smsUrl,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      // Ctrl-C in a terminal is for the bench, which then ends the server.
      detached: true,
    })
    try {
      const url = await readUrl(child)
      const postmaster = await findPostmaster(join(dataDir, 'data/postgres'))
      if (postmaster === undefined) throw new Error('The server runs without a PostgreSQL of its own')
      return new ServerUnderTest(url, child, postmaster, dataDir, options)
    } catch (error) {
      child.kill('SIGTERM')
      await rm(dataDir, { recursive: true, force: true })
      throw error
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get cpu(): ServerCpu {
    return { node: cpuMs(this.pid), postgres: familyCpuMs(this.#postmasterPid) }
  }

  /** Of the node alone. */
  get rssBytes(): number {
    return rssBytes(this.pid)
  }

  /** The sum of all values of a metric, over its labels. */
  async metrics(): Promise<(name: string) => number> {
    const text = await fetch(`${this.url}/metrics`).then((response) => response.text())
    return (name) => {
      const lines = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))
      return [...lines].reduce((sum, [, value]) => sum + Number(value), 0)
    }
  }

  /** Stops it, and returns the file of its profile, if one was made. */
  async stop(): Promise<string | undefined> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      await exit
    }
    await rm(this.#dataDir, { recursive: true, force: true })
    const { profileDir } = this.#options
    if (profileDir === undefined) return undefined
    const file = (await readdir(profileDir)).find((name) => name.includes(`.${this.pid}.`))
    return file === undefined ? undefined : join(profileDir, file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** What it says when it is ready names its URL. */
async function readUrl(child: ChildProcess): Promise<string> {
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line)
    const url = /is ready on (\S+?),? /.exec(line)?.[1]
    if (url === undefined) continue
    child.stdout?.resume()
    return url.replace(/,$/, '')
  }
  throw new Error(`The server did not start:\n${lines.join('\n')}`)
}
