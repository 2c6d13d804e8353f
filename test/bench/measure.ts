import { setTimeout as delay } from 'node:timers/promises'
import { combine } from './load.ts'
import type { Load } from './load.ts'
import type { GroupSample, LoadGroup } from './load-group.ts'
import type { Metrics } from './node-under-test.ts'
import { cpuMs } from './process-usage.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import { percentile } from './statistics.ts'

/** What runs while something is measured. */
export interface Rig {
  readonly server: ServerUnderTest
  readonly relayPid: number
  readonly load: LoadGroup
}

/** One run of one load, between two moments of its steady state. CPU in µs for each whole life. */
export interface Measurement {
  readonly livesPerSecond: number
  /** Of each node. */
  readonly nodeMicros: readonly number[]
  readonly natsMicros: number
  readonly postgresMicros: number
  readonly relayMicros: number
  /** Of the load generators: no part of any result. */
  readonly clientMicros: number
  /** Share of one core that each node used. */
  readonly nodeBusy: readonly number[]
  /** Share of the messages that never became a row. */
  readonly elided: number
  /** WebSocket messages, in and out. */
  readonly messagesPerLife: number
  /** Rows written and deleted, for each life and for each statement of the journal. */
  readonly rowsPerLife: number
  readonly rowsPerFlush: number
  /** Requests to another node whose answer was too late, and what came twice: how often, all in all. */
  readonly lateAnswers: number
  readonly twice: number
  readonly acceptedMs: Percentiles
  readonly deliveredMs: Percentiles
  /** By the clock that CPU profiles have too, in µs. */
  readonly from: number
  readonly to: number
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

export interface MeasureOptions {
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** What deletes and late receipts need after the last life. */
const SETTLE_MS = 300

/** Runs a load and measures it. @throws Error when anything was lost, or came twice from a node alone */
export async function measure(rig: Rig, load: Load, options: MeasureOptions): Promise<Measurement> {
  const { twice } = (await rig.load.sample()).counts
  await rig.load.start(load)
  await delay(options.warmUpSeconds * 1_000)
  await rig.load.mark()
  const before = await look(rig)
  await delay(options.seconds * 1_000)
  const after = await look(rig)
  await rig.load.finish()
  checkCounts(await rig.load.sample(), rig.server.nodes.length > 1 ? undefined : twice)
  await delay(SETTLE_MS)

  const { latencies } = after.sample
  const counts = combine(after.sample.counts, before.sample.counts, (now, then) => now - then)
  const lives = counts.read
  const microsEach = (ms: number): number => (ms * 1_000) / lives
  const elapsedMs = (after.at - before.at) / 1_000
  const rows = after.rows - before.rows
  const nodeMs = after.cpu.nodes.map((ms, i) => ms - before.cpu.nodes[i]!)
  return {
    livesPerSecond: (lives * 1_000) / elapsedMs,
    nodeMicros: nodeMs.map(microsEach),
    natsMicros: microsEach(after.cpu.nats - before.cpu.nats),
    postgresMicros: microsEach(after.cpu.postgres - before.cpu.postgres),
    relayMicros: microsEach(after.relayMs - before.relayMs),
    clientMicros: microsEach(after.sample.cpuMs - before.sample.cpuMs),
    nodeBusy: nodeMs.map((ms) => ms / elapsedMs),
    elided: Math.max(0, counts.elided - counts.repeated) / lives,
    messagesPerLife: (counts.messagesIn + counts.messagesOut) / lives,
    rowsPerLife: rows / lives,
    rowsPerFlush: rows / Math.max(1, after.flushes - before.flushes),
    lateAnswers: after.lateAnswers - before.lateAnswers,
    twice: counts.twice,
    acceptedMs: percentiles(latencies.map(({ acceptedMs }) => acceptedMs)),
    deliveredMs: percentiles(latencies.map(({ deliveredMs }) => deliveredMs)),
    from: before.at,
    to: after.at,
  }
}

/** The state of everything at one moment; what the server did is read last, as near as can be to what it served. */
async function look({ server, relayPid, load }: Rig) {
  const metrics = await Promise.all(server.nodes.map((node) => node.metrics()))
  const metric: Metrics = (name, label) => metrics.reduce((sum, read) => sum + read(name, label), 0)
  const sample = await load.sample()
  return {
    sample,
    cpu: server.cpu,
    relayMs: cpuMs(relayPid),
    at: Number(process.hrtime.bigint() / 1_000n),
    rows: metric('parley_journal_flush_rows_sum'),
    lateAnswers: metric('parley_bus_requests_total', 'result="timeout"'),
    flushes: metric('parley_journal_flush_rows_count'),
  }
}

/** @param twiceBefore - what had come twice when the load began, where nothing may; undefined: it may */
function checkCounts({ counts, surprise }: GroupSample, twiceBefore: number | undefined): void {
  const { sent, accepted, delivered, received, read, readsSent, readsAccepted, unexpected, twice } = counts
  const whole = [accepted, delivered, received, read].every((count) => count === sent) && readsSent === readsAccepted
  if (!whole || unexpected > 0 || (twiceBefore !== undefined && twice > twiceBefore))
    throw new Error(`Not every message lived its whole life once: ${surprise} ${JSON.stringify(counts)}`)
}

function percentiles(parts: readonly Float64Array[]): Percentiles {
  const all = parts.flatMap((part) => [...part])
  return { p50: percentile(all, 0.5), p99: percentile(all, 0.99) }
}
