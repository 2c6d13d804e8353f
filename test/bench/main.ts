/**
 * `npm run bench`: what messages cost the server, beside a bare relay. `--help` lists the options; docs/performance.md
 * says what the figures mean.
 */
import { mkdtemp } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureDrain } from './drain.ts'
import { measureIdle } from './idle.ts'
import { readOptions } from './options.ts'
import type { Options } from './options.ts'
import { readProfile, sumUp } from './profile.ts'
import { formatDrain, formatIdle, formatProfile, formatWholeLives } from './report.ts'
import { ServerUnderTest } from './server-under-test.ts'
import { SmsSink } from './sms-sink.ts'
import { measureWholeLives } from './whole-lives.ts'

const PROFILED_FUNCTIONS = 30

const options = readOptions(process.argv)
const progress = (text: string): void => {
  if (!options.json) console.error(`… ${text}`)
}

await using sms = await SmsSink.start()
await using server = await ServerUnderTest.start({ smsUrl: sms.url, profileDir: await profileDir(options) })
const stop = (): void => void server.stop().then(() => process.exit(1))
process.once('SIGINT', stop).once('SIGTERM', stop)

const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version }
const idle = options.idle === undefined ? undefined : await measureIdle(server, options.idle, progress)
const { drain: envelopes, payload } = options
const drain = envelopes === undefined ? undefined : await measureDrain(server, sms, envelopes, payload, progress)
const run =
  idle === undefined && drain === undefined ? await measureWholeLives(server, sms, options, progress) : undefined
const wholeLives = run?.results
const profileFile = await server.stop()
const profile =
  profileFile === undefined || run === undefined
    ? undefined
    : sumUp(await readProfile(profileFile), run.intervals, PROFILED_FUNCTIONS)

if (options.json) {
  const functions = profile === undefined ? undefined : Object.fromEntries(profile)
  const results = { machine, options, wholeLives, idle, drain, profileFile, profile: functions }
  console.log(JSON.stringify(results, undefined, 2))
} else {
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`)
  if (wholeLives !== undefined) console.log(formatWholeLives(wholeLives))
  if (idle !== undefined) console.log(formatIdle(idle))
  if (drain !== undefined) console.log(formatDrain(drain))
  if (profileFile !== undefined) console.log(`CPU profile of the server: ${profileFile}`)
  if (profile !== undefined) console.log(formatProfile(profile))
}

async function profileDir({ profile: folder }: Options): Promise<string | undefined> {
  return folder === true ? mkdtemp(join(tmpdir(), 'parley-profile-')) : folder
}
