import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { acceptsConnections } from '../../tools/cluster/readiness.ts'
import { findFixedPort } from '../../tools/fixed-ports.ts'
import { requireTool } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const CONFIG = fileURLToPath(new URL('../../config/haproxy.cfg', import.meta.url))

/** All clients of a test have one address. */
const UNBOUNDED = { connections: 1_000_000, requests: 1_000_000 }

export interface HaproxyOptions {
  /** What one address may have open, and ask for in 10 seconds. */
  readonly source?: { readonly connections: number; readonly requests: number }
  /** What one node may have open. */
  readonly nodeConnections?: number
  /** A file with a certificate and its key: clients come in over TLS too. */
  readonly certificates?: string
}

/** A real haproxy before the nodes, with the configuration of a cluster. */
export class Haproxy {
  readonly port: number
  /** Where clients come in over TLS, if there is a certificate. */
  readonly tlsPort: number
  readonly #statsPort: number
  readonly #directory: string
  #child: ChildProcess | undefined

  private constructor(port: number, tlsPort: number, statsPort: number, directory: string) {
    this.port = port
    this.tlsPort = tlsPort
    this.#statsPort = statsPort
    this.#directory = directory
    // A process that crashes must not leave it behind.
    process.once('exit', this.#endNow)
  }

  /** @param directory - for its log */
  static async start(
    directory: string,
    nodePorts: readonly number[],
    { certificates, nodeConnections, source = UNBOUNDED }: HaproxyOptions = {},
  ): Promise<Haproxy> {
    const haproxy = new Haproxy(await findFixedPort(), await findFixedPort(), await findFixedPort(), directory)
    const log = await open(join(directory, 'haproxy.log'), 'w')
    const child = spawn(requireTool('haproxy'), ['-W', '-db', '-f', CONFIG], {
      env: {
        LISTEN: `127.0.0.1:${haproxy.port}`,
        STATS_LISTEN: `127.0.0.1:${haproxy.#statsPort}`,
        SOURCE_CONNECTIONS: String(source.connections),
        SOURCE_REQUESTS: String(source.requests),
        ...(nodeConnections === undefined ? {} : { NODE_CONNECTIONS: String(nodeConnections) }),
        ...(certificates === undefined
          ? {}
          : { TLS_LISTEN: `127.0.0.1:${haproxy.tlsPort}`, TLS_CERTIFICATES: certificates }),
        ...Object.fromEntries(nodePorts.map((port, i) => [`NODE_${i + 1}`, `127.0.0.1:${port}`])),
      },
      stdio: ['ignore', log.fd, log.fd],
    })
    haproxy.#child = child
    await log.close()
    await waitUntil('haproxy listens', async () => {
      if (child.exitCode !== null) throw new Error(`haproxy did not start:\n${await haproxy.#readLog()}`)
      // The last that it binds, so that all are there, and no connection of ours counts for a client.
      return acceptsConnections(haproxy.#statsPort)
    })
    return haproxy
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** What it thinks of each node: UP, DOWN, or a state between. */
  async readStates(): Promise<readonly string[]> {
    const csv = await (await fetch(`http://127.0.0.1:${this.#statsPort}/;csv`)).text()
    const [head = '', ...rows] = csv.split('\n').map((line) => line.split(','))
    const servers = rows.filter(([proxy, server]) => proxy === 'nodes' && server !== 'BACKEND')
    return servers.map((row) => row[head.indexOf('status')] ?? '')
  }

  /** Takes its configuration and certificates again, and leaves open what is open. */
  reload(): void {
    this.#child?.kill('SIGUSR2')
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#endNow)
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    // At once, with all of its workers, which a SIGKILL would leave behind.
    child.kill('SIGTERM')
    await exited
  }

  #readLog(): Promise<string> {
    return readFile(join(this.#directory, 'haproxy.log'), 'utf8')
  }

  readonly #endNow = (): void => {
    this.#child?.kill('SIGTERM')
  }
}
