import { delimiter } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { programFolders } from '../get/find-program.ts'
import type { ClusterEnv } from './cluster-env.ts'
import { ClusterError } from './cluster-error.ts'
import { Foreman } from './foreman.ts'
import { acceptsConnections, isHealthy, isReady } from './readiness.ts'

const START_MS = 120_000
const POLL_MS = 100
const NODE_PROGRAMS = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))

/** The processes of the Procfile: services first, then nodes; they end in the reverse order. */
export class Cluster {
  readonly #env: ClusterEnv
  readonly #started: Foreman[] = []
  #stopped: Promise<void> | undefined

  constructor(env: ClusterEnv) {
    this.#env = env
  }

  get stopping(): boolean {
    return this.#stopped !== undefined
  }

  /** Resolves when haproxy sees a node that is ready. @throws ClusterError when it does not, or is stopped before */
  async start(nodes: number, firstNodePort: number): Promise<void> {
    // Only nodes use the port that foreman gives.
    this.#run('postgres=1,nats=1,minio=1,haproxy=1', firstNodePort)
    const { NATS_PORT, MINIO_PORT, DATABASE_URLS, LISTEN } = this.#env
    await this.#waitUntil('NATS, MinIO and PostgreSQL are ready', async () => {
      const minio = `http://127.0.0.1:${MINIO_PORT}/minio/health/live`
      return (await acceptsConnections(Number(NATS_PORT))) && (await isHealthy(minio)) && (await isReady(DATABASE_URLS))
    })
    this.#run(`node=${nodes}`, firstNodePort)
    const port = LISTEN.slice(LISTEN.lastIndexOf(':') + 1)
    await this.#waitUntil('haproxy sees a node that is ready', () => isHealthy(`http://127.0.0.1:${port}/readyz`))
  }

  /** Resolves when it was stopped. @throws ClusterError when a part of it ended by itself */
  async ended(): Promise<void> {
    await Promise.race(this.#started.map((foreman) => foreman.ended))
    if (this.#stopped === undefined) throw new ClusterError('A part of the cluster has ended: see above why')
    await this.#stopped
  }

  /** Ends the nodes, which need the services to drain, and then the services. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopInReverse()
    return this.#stopped
  }

  /** Ends everything at once. */
  insist(): void {
    for (const foreman of this.#started) foreman.insist()
  }

  async #stopInReverse(): Promise<void> {
    for (const foreman of this.#started.toReversed()) await foreman.stop()
  }

  #run(formation: string, firstPort: number): void {
    const PATH = [NODE_PROGRAMS, ...programFolders()].join(delimiter)
    this.#started.push(new Foreman(formation, firstPort, { ...process.env, ...this.#env, PATH }))
  }

  async #waitUntil(what: string, ready: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + START_MS
    while (!(await ready())) {
      if (this.stopping) throw new ClusterError('The cluster was stopped before it was ready')
      if (this.#started.some(({ runs }) => !runs)) throw new ClusterError(`Before ${what}, one ended: see above why`)
      if (performance.now() > end) throw new ClusterError(`Waited ${START_MS / 1_000} s in vain until ${what}`)
      await delay(POLL_MS)
    }
  }
}
