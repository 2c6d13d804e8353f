import { isClean } from '../../tools/replay/checker.ts'
import type { Findings } from '../../tools/replay/checker.ts'
import { Crowd } from '../faults/crowd.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import type { Cluster } from './cluster.ts'
import { Levers } from './levers.ts'
import { ChaosRecord } from './record.ts'
import { countOfRound, schedule } from './schedule.ts'
import type { FaultName, LeverName, Step } from './schedule.ts'

export interface CampaignOptions {
  readonly devices: number
  readonly seed: number
  readonly levers: readonly LeverName[]
  /** Faults go on for so long, and every one happens at least once. */
  readonly ms: number
  /** Messages a second, by all together. */
  readonly perSecond: number
  /** The form that a test run has time for. */
  readonly short: boolean
  /** Hears of each fault before it happens. */
  readonly onStep?: (step: Step, progress: CampaignProgress) => void
  /** Hears at once of what no fault excuses. */
  readonly onComplaint?: (complaint: string) => void
}

export interface CampaignProgress {
  readonly elapsedMs: number
  readonly sent: number
  readonly accepted: number
  readonly read: number
}

export interface CampaignResult {
  readonly record: ChaosRecord
  readonly findings: Findings
  /** What no fault excuses, in words. */
  readonly complaints: readonly string[]
  /** The findings, each message by its name. */
  readonly named: readonly string[]
  /** Faults that this machine cannot make, with the reason. */
  readonly leftOut: readonly string[]
  readonly elapsedMs: number
}

const CLOCK_FAULTS = ['wrongClock, a month', 'wrongClock, ten minutes'] as const satisfies readonly FaultName[]
const LONG_REST_MS = 240_000
const SHORT_REST_MS = 40_000

/** Whether nothing was lost, doubled or out of order, and nobody complained. */
export function isPassed({ findings, complaints }: CampaignResult): boolean {
  return isClean(findings) && complaints.length === 0
}

/**
 * Lets a crowd write to each other through a cluster while one fault follows another, then lets all come to rest, and
 * checks every message.
 */
export async function runCampaign(cluster: Cluster, options: CampaignOptions): Promise<CampaignResult> {
  const { devices, seed, short, perSecond, onComplaint } = options
  const record = new ChaosRecord(() => performance.now())
  const crowd = await Crowd.gather({
    url: cluster.url,
    target: cluster.target,
    sms: cluster.sms,
    users: devices,
    seed,
    observer: record,
    restMs: short ? SHORT_REST_MS : LONG_REST_MS,
    ...(short ? {} : { patience: 1 }),
    ...(onComplaint === undefined ? {} : { onComplaint }),
  })
  try {
    const startedAt = performance.now()
    crowd.load({ perSecond, absences: true, longestAbsence: (short ? 2 : 20) * perSecond })
    const leftOut = await befall(cluster, crowd, record, options)
    const unrest = await findUnrest(cluster, crowd, short)
    const complaints = [...crowd.complaints, ...unrest]
    const elapsedMs = performance.now() - startedAt
    return { record, findings: crowd.findings(), named: crowd.nameFindings(), complaints, leftOut, elapsedMs }
  } finally {
    await crowd.close()
  }
}

/** @returns what was left out */
async function befall(
  cluster: Cluster,
  crowd: Crowd,
  record: ChaosRecord,
  { seed, levers: names, ms, perSecond, short, onStep }: CampaignOptions,
): Promise<readonly string[]> {
  const reasons = new Map<FaultName, string>()
  if (cluster.disk === undefined) reasons.set('fillDisk', 'this user may not mount a file system')
  if (cluster.nodes.some(({ clock }) => clock === undefined)) {
    for (const name of CLOCK_FAULTS) reasons.set(name, 'faketime is missing')
  }
  const without = [...reasons.keys()]
  const levers = new Levers(cluster)
  const pass = (seconds: number): Promise<void> => crowd.moreSent(Math.ceil(seconds * perSecond))
  const plan = { seed, levers: names, without, short, nodes: cluster.nodes.length, databases: cluster.databases.length }
  const startedAt = performance.now()
  let left = countOfRound(plan)
  await pass(short ? 1 : 10)
  for (const step of schedule(plan)) {
    const elapsedMs = performance.now() - startedAt
    if (left-- <= 0 && elapsedMs >= ms) break
    onStep?.(step, { elapsedMs, ...crowd.checker.progress() })
    const phase = record.begin(step.fault)
    // So that what a fault meets on its way belongs to it.
    await pass(short ? 0.2 : 2)
    await levers.pull(step, crowd, pass)
    const mendedAt = performance.now()
    await cluster.ready()
    await crowd.until('everybody who wants to be online is', () =>
      crowd.people.every((one) => one.isAway || one.isOnline),
    )
    phase.longestRecoveryMs = Math.max(phase.longestRecoveryMs, performance.now() - mendedAt)
    await pass(short ? 0.3 : 5)
  }
  return [...reasons].map(([name, reason]) => `${name}: ${reason}`)
}

/** What is still to be done when all should be. */
async function findUnrest(cluster: Cluster, crowd: Crowd, short: boolean): Promise<readonly string[]> {
  const users = crowd.people.map(({ user }) => user)
  let rows: readonly object[] = []
  const areGone = async (): Promise<boolean> => {
    rows = await cluster.readEnvelopes(users)
    return rows.length === 0
  }
  try {
    await crowd.rest()
    await waitUntil('no row is left', areGone, short ? SHORT_REST_MS : LONG_REST_MS)
    return []
  } catch (error) {
    return [(error as Error).message, ...rows.map((row) => `left over: ${JSON.stringify(row)}`)]
  }
}
