import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { findPostmaster } from '../../src/storage/postmaster.ts'
import { findFixedPort } from '../../tools/fixed-ports.ts'
import { NatsServer } from '../helpers/nats-server.ts'
import { NodeUnderTest } from './node-under-test.ts'
import { cpuMs, familyCpuMs, rssBytes } from './process-usage.ts'
import type { ServerCpu, ServerMemory, ServerOptions, ServerUnderTest } from './server-under-test.ts'

const NODES = 2
const POSTGRES_CONNECTIONS = 100
const NATS_CONFIG = join(import.meta.dirname, '../../config/nats-server.conf')
const NATS_ENV = { NATS_NODE_PASSWORD: 'node-bench', NATS_OPERATOR_PASSWORD: 'operator-bench' }
/** The same on every node, as it must be. */
const MASTER_KEY = '00'.repeat(32)

/** Two nodes, joined by a nats-server with the configuration of a cluster, on one PostgreSQL (fsync on). */
export class Cluster implements ServerUnderTest {
  readonly nodes: NodeUnderTest[] = []
  readonly #folder: string
  readonly #options: ServerOptions
  readonly #nats: NatsServer
  readonly #postgres: EmbeddedPostgres
  readonly #postmasterPid: number
  #stopped: Promise<readonly string[]> | undefined

  private constructor(
    folder: string,
    options: ServerOptions,
    nats: NatsServer,
    postgres: EmbeddedPostgres,
    postmasterPid: number,
  ) {
    this.#folder = folder
    this.#options = options
    this.#nats = nats
    this.#postgres = postgres
    this.#postmasterPid = postmasterPid
  }

  static async start(options: ServerOptions): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
    await using undo = new AsyncDisposableStack()
    undo.defer(() => rm(folder, { recursive: true, force: true }))
    // The monitor's port may be another server's.
    const config = (await readFile(NATS_CONFIG, 'utf8')).replace(/^http:.*$/m, '')
    const nats = new NatsServer(await findFixedPort(), folder, { config, env: NATS_ENV })
    await nats.start()
    undo.defer(() => nats.close())
    const dataDir = join(folder, 'data')
    const postgres = await EmbeddedPostgres.start({ dataDir, maxConnections: POSTGRES_CONNECTIONS })
    undo.defer(() => postgres.stop())
    process.once('exit', () => postgres.abandon())
    const postmaster = await findPostmaster(join(dataDir, 'postgres'))
    const cluster = new Cluster(folder, options, nats, postgres, postmaster?.pid ?? 0)
    undo.defer(async () => void (await cluster.#stopNodes()))
    for (let i = 0; i < NODES; i++) cluster.nodes.push(await cluster.#startNode(i))
    undo.move()
    return cluster
  }

  get databaseUrl(): string {
    return this.#postgres.url
  }

  get cpu(): ServerCpu {
    return {
      nodes: this.nodes.map((node) => node.cpuMs),
      nats: cpuMs(this.#nats.pid),
      postgres: familyCpuMs(this.#postmasterPid),
    }
  }

  get memory(): ServerMemory {
    return { nodes: this.nodes.map((node) => node.rssBytes), nats: rssBytes(this.#nats.pid) }
  }

  /** Replaces a node that is gone by a new process, on another port. */
  async restart(index: number): Promise<void> {
    await this.nodes[index]?.stop()
    this.nodes[index] = await this.#startNode(index)
  }

  stop(): Promise<readonly string[]> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #startNode(index: number): Promise<NodeUnderTest> {
    return NodeUnderTest.start({
      ...this.#options,
      env: {
        NODE_NAME: `node-${index + 1}`,
        DATABASE_URLS: this.#postgres.url,
        NATS_URL: this.#nats.url.replace('//', `//node:${NATS_ENV.NATS_NODE_PASSWORD}@`),
        MASTER_KEY,
      },
    })
  }

  async #stop(): Promise<readonly string[]> {
    const profiles = await this.#stopNodes()
    await this.#nats.close()
    await this.#postgres.stop()
    await rm(this.#folder, { recursive: true, force: true })
    return profiles
  }

  async #stopNodes(): Promise<readonly string[]> {
    const profiles = await Promise.all(this.nodes.map((node) => node.stop()))
    return profiles.filter((file) => file !== undefined)
  }
}
