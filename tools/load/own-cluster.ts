import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { defaultLimits } from '../../config/limits.ts'
import { TargetError } from './accounts.ts'

/** Limits of which a load test takes no notice: it comes from one address, and writes at full speed. */
export const ROOMY_LIMITS = JSON.stringify(
  Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, { burst: 1e6, perSecond: 1e6 }])),
)

const MAIN = fileURLToPath(new URL('../cluster/main.ts', import.meta.url))
const STOP_MS = 60_000
const KEPT_LINES = 30
/** Below the ports that systems give to outgoing connections, of which a load test makes many. */
const FIRST_PORT = 20_000
const PORTS = 10_000
const TRIES = 50

export interface OwnClusterOptions {
  readonly nodes: number
  /** Where it posts the codes. */
  readonly smsUrl: string
  /** Stops the start. */
  readonly signal: AbortSignal
}

/** `npm run cluster` for the time of one run, with ports and data of its own. */
export class OwnCluster {
  /** Of haproxy. */
  readonly url: string
  readonly #child: ChildProcess
  readonly #dataDir: string

  private constructor(url: string, child: ChildProcess, dataDir: string) {
    this.url = url
    this.#child = child
    this.#dataDir = dataDir
  }

  /** @throws TargetError with its last words, also when it is stopped meanwhile */
  static async start({ nodes, smsUrl, signal }: OwnClusterOptions): Promise<OwnCluster> {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-load-'))
    const first = await findPorts(nodes + 4)
    const [nats, monitor, stats, port, firstNode] = [0, 1, 2, 3, 4].map((offset) => String(first + offset))
    const places = ['--port', port, '--node-port', firstNode, '--host', '127.0.0.1', '--data', dataDir]
    const child = spawn(process.execPath, [MAIN, '--nodes', String(nodes), ...(places as string[])], {
      env: {
        ...process.env,
        NATS_PORT: nats,
        NATS_MONITOR_PORT: monitor,
        STATS_LISTEN: `127.0.0.1:${stats}`,
        SMS_SENDER: smsUrl,
        LIMITS: ROOMY_LIMITS,
        LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C in the terminal is for this tool: it stops the cluster when it is done with it.
      detached: true,
    })
    // When this tool crashes the cluster still ends in good order.
    process.once('exit', () => child.kill('SIGTERM'))
    const cluster = new OwnCluster(`http://127.0.0.1:${port}`, child, dataDir)
    const interrupt = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', interrupt)
    const lastWords = await readUntilReady(child)
    signal.removeEventListener('abort', interrupt)
    if (lastWords === undefined) return cluster
    await cluster.stop()
    signal.throwIfAborted()
    throw new TargetError(`The cluster did not start.\n${lastWords}`)
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
      await exited
      clearTimeout(killer)
    }
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}

/** @returns undefined when it is ready, its last lines when it ended before */
function readUntilReady(child: ChildProcess): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
      if (line.startsWith('Parley is ready on')) resolve(undefined)
    })
  }
  child.once('exit', () => resolve(lines.join('\n')))
  return promise
}

/** The first of so many ports in a row that are free. */
async function findPorts(count: number): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const first = FIRST_PORT + Math.floor(Math.random() * (PORTS - count))
    const free = await Promise.all(Array.from({ length: count }, (_, offset) => isFree(first + offset)))
    if (free.every(Boolean)) return first
  }
  throw new TargetError(`No ${count} ports in a row are free between ${FIRST_PORT} and ${FIRST_PORT + PORTS}`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
