import '../../src/shared/clean-environment.ts'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { parseConfig } from '../../config/config.ts'
import { roomForConnections } from '../../src/transport/connection-places.ts'
import { readFileLimit } from '../../src/transport/file-limit.ts'
import { findProgram } from '../get/find-program.ts'
import { Cluster } from './cluster.ts'
import { type ClusterEnv, clusterEnv } from './cluster-env.ts'
import { ClusterError } from './cluster-error.ts'
import { prepareDataFolder } from './data-folder.ts'
import { acceptsConnections } from './readiness.ts'

interface Options {
  readonly nodes: number
  readonly port: number
  readonly nodePort: number
  readonly host: string
  readonly data: string
}

/** As many as config/haproxy.cfg knows. */
const MAX_NODES = 9
const MAX_PORT = 65_535
/** Ctrl-C under npm arrives twice: from the terminal, and from npm, which passes it on. */
const SAME_SIGNAL_MS = 200

const program = new Command('npm run cluster --')
  .description('Runs a cluster on this machine: haproxy, nodes, NATS, MinIO and PostgreSQL, as the Procfile says.')
  .option('--nodes <number>', `how many, at most ${MAX_NODES}`, parseNumber(1, MAX_NODES), 2)
  .option('--port <port>', 'where clients come in', parseNumber(1, MAX_PORT), 3_000)
  .option('--host <address>', 'on which address', '0.0.0.0')
  .option('--node-port <port>', "the first node's port; the others follow", parseNumber(1_024, MAX_PORT), 3_100)
  .option('--data <folder>', 'where it keeps everything', '.data/cluster')
  .action(run)

async function run({ nodes, port, nodePort, host, data }: Options): Promise<void> {
  const missing = ['nats-server', 'minio', 'haproxy'].filter((name) => findProgram([name]) === undefined)
  if (missing.length > 0) {
    throw new ClusterError(
      `The cluster needs ${missing.join(' and ')}: npm run tools -- --install ${missing.join(' ')}`,
    )
  }
  const dataDir = resolve(data)
  const nodePorts = Array.from({ length: nodes }, (_, index) => nodePort + index)
  const nodeConnections = roomForConnections(parseConfig({}).connections, readFileLimit() ?? Infinity, 1)
  const place = { dataDir, nodePorts, host, port, nodeConnections }
  const env = clusterEnv({ ...place, ...(await prepareDataFolder(dataDir)) }, process.env)
  await requireFreePorts([port, Number(env.NATS_PORT), Number(env.MINIO_PORT), ...nodePorts])
  const cluster = new Cluster(env)
  stopOnSignals(cluster)
  try {
    await cluster.start(nodes, nodePort)
    process.stdout.write(`\n${welcome(env, nodes, port)}\n\n`)
    await cluster.ended()
  } catch (error) {
    if (!cluster.stopping) throw error
  } finally {
    await cluster.stop()
  }
}

/** The first signal ends everything in order, the next one at once. */
function stopOnSignals(cluster: Cluster): void {
  let last = -Infinity
  const stop = (): void => {
    const isSame = performance.now() - last < SAME_SIGNAL_MS
    last = performance.now()
    if (isSame) return
    if (cluster.stopping) cluster.insist()
    void cluster.stop()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop)
}

function welcome(env: ClusterEnv, nodes: number, port: number): string {
  const nats = `nats://operator:${env.NATS_OPERATOR_PASSWORD}@127.0.0.1:${env.NATS_PORT}`
  return [
    `Parley is ready on http://localhost:${port}: ${nodes} nodes behind haproxy, with their data in ${env.DATA_DIR}`,
    `  chat       npm run chat -- --url http://localhost:${port} +15550000001`,
    `  API page   http://localhost:${port}/docs`,
    `  haproxy    http://${env.STATS_LISTEN}`,
    `  NATS       .tools/nats -s ${nats} micro ls`,
  ].join('\n')
}

async function requireFreePorts(ports: readonly number[]): Promise<void> {
  const used: number[] = []
  for (const port of ports) if (await acceptsConnections(port)) used.push(port)
  if (used.length === 0) return
  throw new ClusterError(`Port ${used.join(', ')} is in use: does a cluster, or npm start, run already?`)
}

function parseNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (Number.isInteger(number) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
