/**
 * `npm run bench`: what messages cost the server, beside a bare relay. `--help` lists the options; docs/performance.md
 * says what the figures mean.
 */
import { mkdtemp } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkBudgets, formatChecks, isKept } from './check.ts'
import { Cluster } from './cluster.ts'
import { formatClusterLives, formatConnections, formatStorm } from './cluster-report.ts'
import { measureConnections } from './connections.ts'
import { measureDrain } from './drain.ts'
import { measureIdle } from './idle.ts'
import { OneNode } from './one-node.ts'
import { readOptions } from './options.ts'
import type { Options } from './options.ts'
import { readProfile, sumUp } from './profile.ts'
import { formatDrain, formatIdle, formatProfile, formatTerminal, formatWholeLives } from './report.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import { SmsSink } from './sms-sink.ts'
import { measureStorm } from './storm.ts'
import { measureTerminal } from './terminal.ts'
import { measureWholeLives } from './whole-lives.ts'

const PROFILED_FUNCTIONS = 30

const options = readOptions(process.argv)
const { cluster: isCluster, idle: idleDevices, connections: perNode, storm: stormDevices, drain: envelopes } = options
const progress = (text: string): void => {
  if (!options.json) console.error(`… ${text}`)
}
const terminal = options.terminal === undefined ? undefined : measureTerminal(options.terminal)
/** Without any of those that exclude it. */
const measuresLives = [idleDevices, perNode, stormDevices, envelopes, terminal].every((count) => count === undefined)

const servers: ServerUnderTest[] = []
const stopAll = () => Promise.all(servers.map((server) => server.stop()))
const stop = (): void => void stopAll().then(() => process.exit(1))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop)

await using sms = await SmsSink.start()
const serverOptions = { smsUrl: sms.url, profileDir: await profileDir(options) }
await using one =
  terminal !== undefined || (isCluster && !measuresLives) ? undefined : await OneNode.start(serverOptions)
if (one !== undefined) servers.push(one)
await using cluster = isCluster && terminal === undefined ? await Cluster.start(serverOptions) : undefined
if (cluster !== undefined) servers.push(cluster)

const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version }
const server = cluster ?? one!
const idle = idleDevices === undefined ? undefined : await measureIdle(server, idleDevices, progress)
const connections =
  perNode === undefined ? undefined : await measureConnections(server, perNode, options.hold, progress)
const storm =
  stormDevices === undefined ? undefined : await measureStorm(server, stormDevices, options.repeat, progress)
const drain = envelopes === undefined ? undefined : await measureDrain(one!, sms, envelopes, options.payload, progress)
const run = measuresLives ? await measureWholeLives(servers, sms, options, progress) : undefined
const profileFiles = await stopAll()
const profiles = await Promise.all(
  profileFiles.flatMap((files, i) =>
    files.map(async (file, node) => {
      const sums = sumUp(await readProfile(file), run?.intervals[i] ?? [], PROFILED_FUNCTIONS)
      return { of: servers[i] === one ? 'the node alone' : `node ${node + 1}`, file, sums }
    }),
  ),
)

if (options.json) {
  const sums = profiles.map((profile) => ({ ...profile, sums: Object.fromEntries(profile.sums) }))
  const results = { machine, options, wholeLives: run, idle, connections, storm, drain, terminal, profiles: sums }
  console.log(JSON.stringify(results, undefined, 2))
} else {
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`)
  if (run !== undefined) console.log(isCluster ? formatClusterLives(run) : formatWholeLives(run.relay, run.lives[0]!))
  if (idle !== undefined) console.log(formatIdle(idle))
  if (connections !== undefined) console.log(formatConnections(connections))
  if (storm !== undefined) console.log(formatStorm(storm))
  if (drain !== undefined) console.log(formatDrain(drain))
  if (terminal !== undefined) console.log(formatTerminal(terminal))
  for (const { of, file, sums } of profiles) console.log(`CPU profile of ${of}: ${file}\n${formatProfile(sums)}`)
}

if (options.check) {
  const checks = checkBudgets({ wholeLives: run, idle, storm, drain, terminal })
  // The results alone go to standard output when they are JSON.
  console.error(formatChecks(checks))
  if (!checks.every(isKept)) process.exitCode = 1
}

async function profileDir({ profile: folder }: Options): Promise<string | undefined> {
  return folder === true ? mkdtemp(join(tmpdir(), 'parley-profile-')) : folder
}
