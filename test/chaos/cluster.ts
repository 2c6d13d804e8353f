import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { SmsSink } from '../../tools/replay/sms-sink.ts'
import { findFixedPort } from '../../tools/fixed-ports.ts'
import { FakeClock } from '../faults/fake-clock.ts'
import { NodeProcess } from '../faults/node-process.ts'
import type { Confines } from '../faults/node-process.ts'
import { PostgresServer } from '../faults/postgres-server.ts'
import type { Settings } from '../faults/settings.ts'
import { fillDataDir } from '../helpers/data-dir.ts'
import { NatsServer } from '../helpers/nats-server.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { findTool } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { Haproxy } from './haproxy.ts'
import type { HaproxyOptions } from './haproxy.ts'
import { SmallDisk } from './small-disk.ts'

export interface ClusterOptions {
  readonly nodes: number
  readonly databases: number
  readonly settings?: Settings
  /** Of the first database's disk; absent: it has none of its own. */
  readonly diskMiB?: number
  /** False: each client is led to a node by the test. */
  readonly balanced?: boolean
  /** Absent: no device can be hosted. */
  readonly masterKey?: string
  /** The folder of the version that the nodes are of at first; absent: this one. */
  readonly checkout?: string
  /** Of each node; absent: it has none. */
  readonly confines?: Confines
  /** Of haproxy. */
  readonly haproxy?: HaproxyOptions
}

/** A node with the links that lead from it. */
export interface ClusterNode {
  readonly process: NodeProcess
  readonly port: number
  readonly nats: TcpProxy
  /** One for each database. */
  readonly postgres: readonly TcpProxy[]
  /** Its system clock; undefined where none can be set. */
  readonly clock: FakeClock | undefined
}

const NATS_CONFIG = fileURLToPath(new URL('../../config/nats-server.conf', import.meta.url))
/** Of the nodes. */
export const NATS_PASSWORD = 'chaos'
const MAX_CONNECTIONS = 300
const READY_MS = 60_000
const ANSWER_MS = 5_000
/** Of a node's log, that a failure shows. */
const LOG_LINES = 20

/**
 * Nodes as processes behind haproxy, joined by a real nats-server, on real PostgreSQL servers. Every link of a node to
 * NATS or to a database passes through a proxy.
 */
export class Cluster {
  /** Holds all that its nodes, databases and NATS write. */
  readonly directory: string
  readonly nodes: readonly ClusterNode[]
  readonly databases: readonly PostgresServer[]
  readonly nats: NatsServer
  readonly sms: SmsSink
  /** Under the first database; undefined where this user may not mount one. */
  readonly disk: SmallDisk | undefined
  /** Undefined: there is none on this machine, and clients go round the nodes. */
  readonly haproxy: Haproxy | undefined
  #opened: AsyncDisposableStack
  #turn = 0

  private constructor(
    parts: Pick<Cluster, 'directory' | 'nodes' | 'databases' | 'nats' | 'sms' | 'disk' | 'haproxy'>,
    opened: AsyncDisposableStack,
  ) {
    this.directory = parts.directory
    this.nodes = parts.nodes
    this.databases = parts.databases
    this.nats = parts.nats
    this.sms = parts.sms
    this.disk = parts.disk
    this.haproxy = parts.haproxy
    this.#opened = opened
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const { settings = {}, diskMiB, masterKey, confines } = options
    const balanced = options.balanced !== false && findTool('haproxy') !== undefined
    await using opened = new AsyncDisposableStack()
    const directory = await mkdtemp(join(tmpdir(), 'parley-chaos-'))
    opened.defer(() => rm(directory, { recursive: true, force: true }))
    // PostgreSQL's own user must be able to pass.
    await chmod(directory, 0o755)
    const sms = await SmsSink.open(0)
    opened.defer(() => sms.close())

    const disk = diskMiB === undefined ? undefined : await SmallDisk.mount(join(directory, 'database-1'), diskMiB)
    if (disk !== undefined) opened.defer(() => disk.unmount())
    const names = Array.from({ length: options.databases }, (_, i) => join(directory, `database-${i + 1}`))
    // An older version makes its own schema.
    if (options.checkout === undefined) await Promise.all(names.map(fillDataDir))
    const [sockets, nats] = await Promise.all([
      Promise.all(names.map((dataDir) => startPostgres(dataDir, opened))),
      startNats(directory, opened),
    ])
    const nodes: ClusterNode[] = []
    for (let i = 1; i <= options.nodes; i++)
      nodes.push(await openNode(i, { directory, sockets, nats, sms, settings, balanced, masterKey, confines }, opened))
    // The first makes the schema, and the others need not wait for its lock.
    if (options.checkout !== undefined) for (const { process } of nodes) process.use(options.checkout)
    for (const { process } of nodes.slice(0, 1)) await process.start()
    await Promise.all(nodes.slice(1).map(({ process }) => process.start()))

    const ports = nodes.map(({ port }) => port)
    const haproxy = balanced ? await Haproxy.start(directory, ports, options.haproxy) : undefined
    if (haproxy !== undefined) opened.defer(() => haproxy.close())
    const databases = names.map((dataDir) => new PostgresServer(dataDir))
    const cluster = new Cluster({ directory, nodes, databases, nats, sms, disk, haproxy }, opened)
    await cluster.ready()
    cluster.#opened = opened.move()
    return cluster
  }

  /** Where people register. */
  get url(): string {
    return this.haproxy?.url ?? this.nodes[0]!.process.url
  }

  /** Where the next connection of a client goes. */
  readonly target = (): { host: string; port: number } => {
    const port = this.haproxy?.port ?? this.nodes[this.#turn++ % this.nodes.length]!.port
    return { host: '127.0.0.1', port }
  }

  /** Resolves when every node may get traffic; a failure says what each of them said last. */
  async ready(): Promise<void> {
    let answers: readonly string[] = []
    const areReady = async (): Promise<boolean> => {
      if (!this.nodes.every(({ process }) => process.runs)) throw new Error('A node has ended by itself')
      answers = await Promise.all(this.nodes.map(({ process }) => findFault(process.url)))
      return answers.every((fault) => fault === '')
    }
    try {
      await waitUntil('all nodes are ready', areReady, READY_MS)
    } catch (error) {
      throw new Error([(error as Error).message, ...answers, await this.lastWords()].join('\n'), { cause: error })
    }
  }

  /** The ends of the logs of the nodes and of the databases. */
  async lastWords(): Promise<string> {
    const logs = [
      ...this.nodes.map(({ process }, i) => [`node ${i + 1}`, process.readLog()] as const),
      ...this.databases.map((database, i) => [`database ${i + 1}`, database.readLog()] as const),
    ]
    const ends = logs.map(async ([name, log]) => `${name}:\n${(await log).split('\n').slice(-LOG_LINES).join('\n')}`)
    return (await Promise.all(ends)).join('\n')
  }

  /** The first rows of these users' mailboxes, in all databases. */
  async readEnvelopes(users: readonly number[]): Promise<readonly object[]> {
    return (await Promise.all(this.databases.map((database) => database.readEnvelopes(users)))).flat()
  }

  async stop(): Promise<void> {
    await this.#opened.disposeAsync()
  }
}

interface Surroundings {
  /** Behind haproxy. */
  readonly balanced: boolean
  readonly directory: string
  /** Of the databases. */
  readonly sockets: readonly string[]
  readonly nats: NatsServer
  readonly sms: SmsSink
  readonly settings: Settings
  readonly masterKey: string | undefined
  readonly confines: Confines | undefined
}

/** @returns the path of its socket */
async function startPostgres(dataDir: string, opened: AsyncDisposableStack): Promise<string> {
  const server = await EmbeddedPostgres.start({ dataDir, maxConnections: MAX_CONNECTIONS })
  opened.defer(() => server.stop())
  return join(new URL(server.url).searchParams.get('host') ?? '', '.s.PGSQL.5432')
}

async function startNats(directory: string, opened: AsyncDisposableStack): Promise<NatsServer> {
  // As the nodes of a real cluster find it, but for the port of its monitor, which other tests would miss.
  const config = (await readFile(NATS_CONFIG, 'utf8')).replace(/^http:.*$/m, '')
  const env = { NATS_NODE_PASSWORD: NATS_PASSWORD, NATS_OPERATOR_PASSWORD: NATS_PASSWORD }
  const nats = new NatsServer(await findFixedPort(), directory, { config, env })
  opened.defer(() => nats.close())
  await nats.start()
  return nats
}

async function openNode(
  number: number,
  { directory, sockets, nats, sms, settings, balanced, masterKey, confines }: Surroundings,
  opened: AsyncDisposableStack,
): Promise<ClusterNode> {
  const open = async (target: { host: string; port: number } | { path: string }): Promise<TcpProxy> => {
    const link = await TcpProxy.open(target)
    opened.defer(() => link.close())
    return link
  }
  const name = `node-${number}`
  const folder = join(directory, name)
  await mkdir(folder)
  const natsLink = await open({ host: '127.0.0.1', port: nats.port })
  const postgres = await Promise.all(sockets.map((path) => open({ path })))
  const port = await findFixedPort()
  const clock = await FakeClock.open(folder)
  const process = new NodeProcess({
    name,
    directory: folder,
    dataDir: folder,
    port,
    smsUrl: sms.url,
    natsUrl: `nats://node:${NATS_PASSWORD}@127.0.0.1:${natsLink.port}`,
    ...(masterKey === undefined ? {} : { masterKey }),
    ...(clock === undefined ? {} : { clock }),
    ...(confines === undefined ? {} : { confines }),
    ...(balanced ? { trustedProxies: '127.0.0.1' } : {}),
    databaseUrl: postgres.map((link) => `postgresql://parley@127.0.0.1:${link.port}/parley`).join(','),
    settings,
  })
  opened.defer(() => process.kill())
  return { process, port, nats: natsLink, postgres, clock }
}

/** @returns why a node is not ready, or not connected to the others; empty when it is */
async function findFault(url: string): Promise<string> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) })
    const text = await answer.text()
    const { checks } = JSON.parse(text) as { checks: { bus?: { state: string } } }
    return answer.ok && checks.bus?.state === 'ok' ? '' : text
  } catch (error) {
    return String(error)
  }
}
