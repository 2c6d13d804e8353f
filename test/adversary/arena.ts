import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { parseConfig } from '../../config/config.ts'
import { findPostmaster } from '../../src/storage/postmaster.ts'
import { roomForConnections } from '../../src/transport/connection-places.ts'
import { findFixedPort } from '../../tools/fixed-ports.ts'
import { SmsSink } from '../../tools/replay/sms-sink.ts'
import { Cluster } from '../chaos/cluster.ts'
import { NodeProcess } from '../faults/node-process.ts'
import type { Confines } from '../faults/node-process.ts'
import { fillDataDir } from '../helpers/data-dir.ts'

/** As little room as a node must do with. */
export const confines: Confines = { heapMiB: 256, files: 1_024 }

/** What is attacked: a node, or a cluster behind its load balancer, with default limits and little room. */
export interface Arena {
  readonly name: string
  /** Where clients come in. */
  readonly url: string
  readonly nodes: readonly NodeProcess[]
  readonly sms: SmsSink
  readonly databaseUrl: string
  /** Of all data, indexes included. */
  databaseBytes(): Promise<number>
  /** Nodes to which clients are led. */
  nodesUp(): Promise<number>
  /** Starts the nodes again that have ended. @returns the last words of each */
  restart(): Promise<readonly string[]>
  stop(): Promise<void>
}

/** Of a node that ended. */
const LOG_LINES = 12
/** As config/haproxy.cfg has it. */
const SOURCE = { connections: 2_000, requests: 2_000 }
const MASTER_KEY = '07'.repeat(32)

/** A node alone, with its own PostgreSQL; it trusts this machine as a load balancer. */
export async function openNode(): Promise<Arena> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'parley-hostile-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const sms = await SmsSink.open(0)
  opened.defer(() => sms.close())
  const port = await findFixedPort()
  const dataDir = join(directory, 'data')
  await fillDataDir(dataDir)
  const trustedProxies = '127.0.0.1'
  const node = new NodeProcess({ directory, dataDir, port, trustedProxies, smsUrl: sms.url, settings: {}, confines })
  opened.defer(async () => void (await node.stop()))
  await node.start()
  const databaseUrl = await findDatabase(dataDir)
  const size = await DatabaseSize.open(databaseUrl)
  opened.defer(() => size.close())
  const all = opened.move()
  return {
    name: 'one node',
    url: node.url,
    nodes: [node],
    sms,
    databaseUrl,
    databaseBytes: () => size.read(),
    nodesUp: async () => (node.runs ? 1 : 0),
    restart: () => restart([node]),
    stop: () => all.disposeAsync(),
  }
}

/** Two nodes behind haproxy. */
export async function openCluster(): Promise<Arena> {
  await using opened = new AsyncDisposableStack()
  const nodeConnections = roomForConnections(parseConfig({}).connections, confines.files, 1)
  const haproxy = { nodeConnections, source: SOURCE }
  const cluster = await Cluster.start({ nodes: 2, databases: 1, masterKey: MASTER_KEY, confines, haproxy })
  opened.defer(() => cluster.stop())
  const nodes = cluster.nodes.map(({ process }) => process)
  const databaseUrl = await findDatabase(join(cluster.directory, 'database-1'))
  const size = await DatabaseSize.open(databaseUrl)
  opened.defer(() => size.close())
  const all = opened.move()
  const nodesUp = async (): Promise<number> =>
    ((await cluster.haproxy?.readStates()) ?? []).filter((state) => state.startsWith('UP')).length
  return {
    name: '2 nodes behind haproxy',
    url: cluster.url,
    nodes,
    sms: cluster.sms,
    databaseUrl,
    databaseBytes: () => size.read(),
    nodesUp,
    restart: () => restart(nodes),
    stop: () => all.disposeAsync(),
  }
}

async function restart(nodes: readonly NodeProcess[]): Promise<readonly string[]> {
  const lastWords: string[] = []
  for (const node of nodes.filter(({ runs }) => !runs)) {
    lastWords.push(lastWordsOf(await node.readLog()))
    await node.start()
  }
  return lastWords
}

/** Why it ended, or at least its last lines; stacks of the machine's own code say nothing to us. */
function lastWordsOf(log: string): string {
  const lines = log
    .trimEnd()
    .split('\n')
    .filter((line) => !/^ *\d+: 0x|^-----|^$/.test(line))
  const reason = lines.findLastIndex((line) => /FATAL ERROR|Error/.test(line))
  return lines.slice(reason < 0 ? -LOG_LINES : reason, reason < 0 ? undefined : reason + LOG_LINES).join('\n')
}

async function findDatabase(dataDir: string): Promise<string> {
  const postmaster = await findPostmaster(join(dataDir, 'postgres'))
  if (postmaster === undefined) throw new Error(`No PostgreSQL runs on ${dataDir}`)
  return `postgresql://parley@localhost/parley?host=${encodeURIComponent(postmaster.socketFolder)}`
}

/** Looks at the size of a database, over a connection that it opens again when PostgreSQL went with its node. */
class DatabaseSize {
  readonly #url: string
  #client: Client | undefined
  #last = 0

  private constructor(url: string) {
    this.#url = url
  }

  static async open(url: string): Promise<DatabaseSize> {
    const size = new DatabaseSize(url)
    await size.read()
    return size
  }

  /** The last size that was seen, while PostgreSQL does not answer. */
  async read(): Promise<number> {
    try {
      if (this.#client === undefined) {
        const client = new Client(this.#url)
        client.on('error', () => {
          this.#client = undefined
        })
        await client.connect()
        this.#client = client
      }
      const { rows } = await this.#client.query<{ bytes: string }>(
        'SELECT pg_database_size(current_database()) AS bytes',
      )
      this.#last = Number(rows[0]?.bytes)
    } catch {
      this.#client = undefined
    }
    return this.#last
  }

  async close(): Promise<void> {
    await this.#client?.end().catch(() => undefined)
  }
}
