import { findFixedPorts } from '../fixed-ports.ts'
import { OwnProcess } from '../own-process.ts'
import { ROOMY_LIMITS } from '../roomy-limits.ts'
import { TargetError } from './accounts.ts'

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
  readonly #process: OwnProcess

  private constructor(url: string, process: OwnProcess) {
    this.url = url
    this.#process = process
  }

  /** @throws TargetError with its last words, also when it is stopped meanwhile */
  static async start({ nodes, smsUrl, signal }: OwnClusterOptions): Promise<OwnCluster> {
    const dataDir = await OwnProcess.createDataDir('load')
    const services = ['NATS_PORT', 'NATS_MONITOR_PORT', 'MINIO_PORT', 'STATS_PORT', 'port']
    const first = await findFixedPorts(services.length + nodes)
    const portOf = (service: string): string => String(first + services.indexOf(service))
    const firstNode = String(first + services.length)
    const places = ['--port', portOf('port'), '--node-port', firstNode, '--host', '127.0.0.1', '--data', dataDir]
    const { promise: ready, resolve } = Promise.withResolvers<boolean>()
    const child = new OwnProcess(dataDir, {
      main: new URL('../cluster/main.ts', import.meta.url),
      args: ['--nodes', String(nodes), ...places],
      env: {
        NATS_PORT: portOf('NATS_PORT'),
        NATS_MONITOR_PORT: portOf('NATS_MONITOR_PORT'),
        MINIO_PORT: portOf('MINIO_PORT'),
        STATS_LISTEN: `127.0.0.1:${portOf('STATS_PORT')}`,
        SMS_SENDER: smsUrl,
        LIMITS: ROOMY_LIMITS,
        LOG_LEVEL: 'warn',
      },
      onLine: (line) => line.startsWith('Parley is ready on') && resolve(true),
    })
    const interrupt = (): void => child.interrupt()
    signal.addEventListener('abort', interrupt)
    if (signal.aborted) interrupt()
    void child.ended.then(() => resolve(false))
    const started = await ready
    signal.removeEventListener('abort', interrupt)
    if (started) return new OwnCluster(`http://127.0.0.1:${portOf('port')}`, child)
    await child.stop()
    signal.throwIfAborted()
    throw new TargetError(`The cluster did not start.\n${child.lastWords}`)
  }

  /** Ends it and removes its data. */
  stop(): Promise<void> {
    return this.#process.stop()
  }
}
