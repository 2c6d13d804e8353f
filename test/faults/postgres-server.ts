import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { connectWhenReady, endPostmaster, isPostmasterOf, signalProcess } from '../../src/storage/postmaster.ts'
import type { Postmaster } from '../../src/storage/postmaster.ts'
import { waitUntil } from '../helpers/wait-until.ts'

/** Which processes of PostgreSQL a kill -9 hits. A lost backend makes the postmaster end and restart all others. */
export type Victim = 'postmaster' | 'all' | 'backend'

const READY_MS = 30_000
const FIND_MS = 3_000
/** 16 MiB of the log, in no table. */
const WRITE_A_SEGMENT = `SELECT pg_logical_emit_message(false, 'filler', repeat('x', 16777216))`
const MOST_SEGMENTS = 200

/** A running embedded PostgreSQL from outside: its processes, and its rows. Whoever started it starts it again. */
export class PostgresServer {
  readonly #folder: string
  #frozen: { readonly pids: readonly number[]; readonly client: Client } | undefined

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'postgres')
  }

  /** Cuts all connections, flushes, and starts again. Resolves when it accepts connections. */
  async restart(): Promise<void> {
    const { pid } = await this.#requirePostmaster()
    signalProcess(pid, 'SIGINT')
    await this.#waitForNext(pid)
  }

  /** kill -9. Resolves when it accepts connections again. */
  async kill(victim: Victim): Promise<void> {
    const { pid } = await this.#requirePostmaster()
    const client = await this.#connect()
    const others = await findProcesses(client)
    if (victim !== 'backend') signalProcess(pid, 'SIGKILL')
    if (victim === 'all') for (const other of others) signalProcess(other, 'SIGKILL')
    if (victim === 'backend') signalProcess(others[0] ?? pid, 'SIGKILL')
    await client.end().catch(() => undefined)
    if (victim === 'backend') await (await this.#connect()).end()
    else await this.#waitForNext(pid)
  }

  /** Stops all its processes in the middle of whatever they do, until {@link thaw}. */
  async freeze(): Promise<void> {
    const client = await this.#connect()
    const { pid } = await this.#requirePostmaster()
    // First, so that no new process slips through.
    signalProcess(pid, 'SIGSTOP')
    const pids = [pid, ...(await findProcesses(client))]
    for (const one of pids) signalProcess(one, 'SIGSTOP')
    this.#frozen = { pids, client }
  }

  async thaw(): Promise<void> {
    const frozen = this.#frozen
    this.#frozen = undefined
    if (frozen === undefined) return
    for (const pid of frozen.pids) signalProcess(pid, 'SIGCONT')
    await frozen.client.end().catch(() => undefined)
  }

  /** Writes to its log until there is no room for more, at which it crashes. Resolves when it does not answer any more. */
  async exhaustLog(): Promise<void> {
    let client: Client | undefined
    try {
      client = await this.#connect()
      for (let i = 0; i < MOST_SEGMENTS; i++) await client.query(WRITE_A_SEGMENT)
    } catch {
      // That was the last byte; the nodes may have written it.
    } finally {
      await client?.end().catch(() => undefined)
    }
  }

  /** Resolves when it accepts connections. */
  async accepts(timeoutMs = READY_MS): Promise<void> {
    await (await this.#connect(timeoutMs)).end()
  }

  /** Where it is reached now, without any link between. */
  async findUrl(): Promise<string> {
    const { socketFolder } = await this.#requirePostmaster()
    return `postgresql://parley@localhost/parley?host=${encodeURIComponent(socketFolder)}`
  }

  /** All that it has logged. */
  readLog(): Promise<string> {
    return readFile(`${this.#folder}.log`, 'utf8')
  }

  /** The rows of these users' mailboxes, the first ones only. */
  async readEnvelopes(users: readonly number[]): Promise<readonly object[]> {
    const client = await this.#connect()
    try {
      const { rows } = await client.query<object>(
        `SELECT user_id, device, message_id, from_user, kind, client_id, about
         FROM envelopes WHERE user_id = ANY ($1) LIMIT 20`,
        [users],
      )
      return rows
    } finally {
      await client.end()
    }
  }

  /** Does what no part of the product does: changes rows behind its back. @returns how many */
  async tamper(statement: string, values: readonly unknown[]): Promise<number> {
    const client = await this.#connect()
    try {
      return (await client.query(statement, [...values])).rowCount ?? 0
    } finally {
      await client.end()
    }
  }

  /** Ends it, if it was left over. */
  async end(): Promise<void> {
    await this.thaw()
    const found = await this.#find()
    if (found !== undefined) await endPostmaster(found.pid, this.#folder)
  }

  async #waitForNext(last: number): Promise<void> {
    await waitUntil(
      'PostgreSQL was started again',
      async () => {
        const found = await this.#find()
        return found !== undefined && found.pid !== last
      },
      READY_MS,
    )
    await (await this.#connect()).end()
  }

  async #connect(timeoutMs = READY_MS): Promise<Client> {
    const deadline = performance.now() + timeoutMs
    do {
      // Looked up each time: on a full disk the file that says where it is may be cut short.
      const client = await connectWhenReady(await this.findUrl(), FIND_MS)
      if (client !== undefined) return client
    } while (performance.now() < deadline)
    throw new Error(`PostgreSQL in ${this.#folder} does not accept connections`)
  }

  async #requirePostmaster(): Promise<Postmaster> {
    let found: Postmaster | undefined
    const runs = async (): Promise<boolean> => {
      found = await this.#find()
      return found !== undefined
    }
    await waitUntil('PostgreSQL runs', runs, READY_MS)
    return found!
  }

  /** Only reads: what a killed server left behind is for whoever starts the next one. */
  async #find(): Promise<Postmaster | undefined> {
    const text = await readFile(join(this.#folder, 'postmaster.pid'), 'utf8').catch(() => '')
    const [pid = '', , , , socketFolder = ''] = text.split('\n')
    if (socketFolder === '' || !(await isPostmasterOf(Number(pid), this.#folder))) return undefined
    return { pid: Number(pid), socketFolder }
  }
}

/** All its processes but the postmaster, the one that answers as the last. */
async function findProcesses(client: Client): Promise<readonly number[]> {
  const { rows } = await client.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity ORDER BY pid = pg_backend_pid(), client_port IS NULL, pid',
  )
  return rows.map(({ pid }) => pid)
}
