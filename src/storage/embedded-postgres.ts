import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { forgetLibpqVariables } from '../shared/clean-environment.ts'
import { StartError } from '../shared/start-error.ts'
import {
  chooseRunner,
  environment,
  findBinaries,
  findServerUser,
  type PostgresBinaries,
  type Runner,
} from './postgres-binaries.ts'
import { initialiseFolder, prepareFolder, prepareSocketFolder, USER } from './postgres-folders.ts'
import { postgresSettings } from './postgres-settings.ts'
import {
  connectWhenReady,
  endPostmaster,
  findPostmaster,
  isPostmasterOf,
  removeStrayPidFile,
  signalProcess,
  waitForExit,
} from './postmaster.ts'

const DATABASE = 'parley'
/** Session advisory lock of the node that this server belongs to. */
const OWNER_LOCK = 7_270_001
const MAX_LOG_BYTES = 10 * 1024 * 1024
const RESTART_DELAY_MS = 500
const EXIT_POLL_MS = 50
/** A server that starts says at least every ten seconds how far it is with what a crash has left. */
const PATIENCE_MS = 60_000
/** How often one that starts is looked at, and told of. */
const LOOK_MS = 3_000
/** A server that does not answer in it is ended. */
const ADOPTION_MS = 30_000

export interface EmbeddedPostgresOptions {
  /** Holds the folder `postgres` and the log `postgres.log`. */
  readonly dataDir: string
  readonly maxConnections?: number
  /** Beside those that every embedded server has. */
  readonly settings?: Readonly<Record<string, string>>
  /** How long a server that starts may say nothing in its log. */
  readonly patienceMs?: number
  /** The process ends at once: what was started by then ends too. */
  readonly signal?: AbortSignal
  /** The start waits, and for what: said every three seconds. */
  readonly onWait?: (what: string) => void
  /** The server went away without being told to; it is being started again. */
  readonly onCrash?: () => void
}

/**
 * A PostgreSQL server of this node's own in `dataDir`, reached over a Unix socket that only its user and root may open.
 * A server left over by a killed node is adopted. One that dies is started again, until `stop()`.
 */
export class EmbeddedPostgres {
  /** For `pg`. */
  readonly url: string
  readonly #folder: string
  readonly #socketFolder: string
  readonly #options: EmbeddedPostgresOptions
  readonly #binaries: PostgresBinaries
  readonly #runner: Runner
  /** 0: none runs. */
  #pid = 0
  /** Not adopted. */
  #isOwn = false
  #owner: Client | undefined
  #stopping = false
  #watch: Promise<void> | undefined

  private constructor(
    options: EmbeddedPostgresOptions,
    folder: string,
    socketFolder: string,
    binaries: PostgresBinaries,
    runner: Runner,
  ) {
    this.#options = options
    this.#folder = folder
    this.#socketFolder = socketFolder
    this.#binaries = binaries
    this.#runner = runner
    this.url = this.urlOf(DATABASE)
  }

  /** @throws StartError when the folder is of no use or belongs to another live node */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    forgetLibpqVariables()
    const { dataDir } = options
    const folder = join(dataDir, 'postgres')
    const binaries = await findBinaries()
    const ids = await findServerUser()
    await prepareFolder(dataDir, ids)
    const runner = await chooseRunner(binaries, ids, dataDir)
    const socketFolder = await prepareSocketFolder(folder, ids)
    const postgres = new EmbeddedPostgres(options, folder, socketFolder, binaries, runner)
    options.signal?.addEventListener('abort', () => postgres.abandon())
    if (!(await exists(join(folder, 'PG_VERSION')))) {
      await initialiseFolder({ folder, ids, binaries, runner, signal: options.signal })
    }
    try {
      await postgres.#startServer()
      await postgres.#own()
    } catch (error) {
      // That of another node goes on.
      if (postgres.#isOwn) await postgres.stop()
      throw error
    }
    return postgres
  }

  urlOf(database: string): string {
    return `postgresql://${USER}@localhost/${database}?host=${encodeURIComponent(this.#socketFolder)}`
  }

  /** Cuts all connections, flushes, and waits until the server is gone. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#pid !== 0) await endPostmaster(this.#pid, this.#folder)
    await this.#watch
    await this.#owner?.end().catch(() => undefined)
  }

  /** As `stop()`, without waiting: for a process that ends now. */
  abandon(): void {
    this.#stopping = true
    // One that was found running may be another node's, until the lock says whose it is.
    if (this.#pid !== 0 && (this.#isOwn || this.#owner !== undefined)) signalProcess(this.#pid, 'SIGINT')
  }

  /** Adopts the server that runs on the folder, or starts one. */
  async #startServer(): Promise<void> {
    const running = await findPostmaster(this.#folder)
    if (running !== undefined && (await this.#adopt(running.pid, running.socketFolder))) return
    await removeStrayPidFile(this.#folder)
    const logFile = join(this.#options.dataDir, 'postgres.log')
    if (((await stat(logFile).catch(() => undefined))?.size ?? 0) > MAX_LOG_BYTES) await truncate(logFile)
    const log = await open(logFile, 'a', 0o600)
    const settings = {
      ...postgresSettings(this.#socketFolder, this.#options.maxConnections ?? 100),
      ...this.#options.settings,
    }
    const [program = '', ...args] = [
      ...this.#runner.prefix,
      this.#binaries.postgres,
      '-D',
      this.#folder,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]
    let child: ChildProcess
    try {
      // In a process group of its own, so that Ctrl-C in a terminal reaches the node alone.
      child = spawn(program, args, {
        ...this.#runner.ids,
        env: environment(),
        cwd: '/',
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      })
      child.unref()
    } finally {
      await log.close()
    }
    const ended = new AbortController()
    const end = (): void => {
      ended.abort()
      this.#pid = 0
    }
    child.on('error', end)
    child.on('exit', end)
    this.#pid = child.pid ?? 0
    this.#isOwn = true
    if (this.#options.signal?.aborted) this.abandon()
    const client = await this.#waitFor(logFile, ended.signal)
    if (client === undefined) throw new StartError(await this.#explain(logFile))
    await client.end()
  }

  /** Connects when the server is ready; undefined: it ended, or says nothing in its log for too long. */
  async #waitFor(logFile: string, ended: AbortSignal): Promise<Client | undefined> {
    const patienceMs = this.#options.patienceMs ?? PATIENCE_MS
    let seen = 0
    let since = performance.now()
    while (!ended.aborted) {
      const client = await connectWhenReady(this.urlOf('postgres'), Math.min(LOOK_MS, patienceMs), ended)
      if (client !== undefined) return client
      const lines = (await readFile(logFile, 'utf8')).trim().split('\n')
      // What it answers to whoever looks whether it is ready is no progress.
      const said = lines.filter((line) => !line.includes('the database system is'))
      if (said.length !== seen) since = performance.now()
      else if (performance.now() - since > patienceMs) return undefined
      seen = said.length
      if (!ended.aborted) this.#options.onWait?.(`PostgreSQL in ${this.#folder}: ${said.at(-1) ?? ''}`)
    }
    return undefined
  }

  async #adopt(pid: number, socketFolder: string): Promise<boolean> {
    if (socketFolder === this.#socketFolder) {
      // One that shuts down refuses connections, and then it is gone.
      const gone = new AbortController()
      const watch = setInterval(() => {
        void isPostmasterOf(pid, this.#folder).then((runs) => runs || gone.abort())
      }, EXIT_POLL_MS)
      const client = await connectWhenReady(this.urlOf('postgres'), ADOPTION_MS, gone.signal)
      clearInterval(watch)
      if (client !== undefined) {
        await client.end()
        this.#pid = pid
        return true
      }
    }
    // It may be on its way out.
    if (!(await waitForExit(pid, this.#folder, 1_000))) await endPostmaster(pid, this.#folder)
    return false
  }

  async #explain(logFile: string): Promise<string> {
    const log = await readFile(logFile, 'utf8').catch(() => '')
    const fatal = log.split('\n').findLast((line) => line.includes('FATAL:') || line.includes('PANIC:'))
    const last = log.trim().split('\n').at(-1) ?? ''
    const reason = fatal?.replace(/^.*?(FATAL|PANIC):\s*/, '') ?? `the last that it said is "${last}"`
    return `PostgreSQL did not start in ${this.#folder}: ${reason} (its log is ${logFile})`
  }

  /** Takes the lock that says whose server this is, makes the database, and watches the server from then on. */
  async #own(): Promise<void> {
    const admin = await connectWhenReady(this.urlOf('postgres'), 5_000)
    if (admin === undefined) throw new StartError(`PostgreSQL in ${this.#folder} does not accept connections`)
    try {
      await this.#lock(admin)
      const found = await admin.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE])
      if (found.rowCount === 0) await admin.query(`CREATE DATABASE ${DATABASE}`)
    } catch (error) {
      await admin.end().catch(() => undefined)
      throw error
    }
    this.#owner = admin
    admin.on('end', () => {
      if (this.#stopping) return
      this.#options.onCrash?.()
      this.#watch = this.#restart()
    })
  }

  /** The lock of a node that was killed lasts until its server process has noticed. */
  async #lock(client: Client): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const answer = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [OWNER_LOCK])
      if (answer.rows[0]?.locked) return
      await delay(40)
    }
    throw new StartError(`DATA_DIR: ${this.#options.dataDir} is in use by another node that runs now`)
  }

  async #restart(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#startServer()
        if (this.#stopping) await endPostmaster(this.#pid, this.#folder)
        else await this.#own()
        return
      } catch {
        await delay(RESTART_DELAY_MS)
      }
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
