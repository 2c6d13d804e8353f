import { setTimeout as delay } from 'node:timers/promises'
import { insertAccounts } from './accounts.ts'
import type { Account } from './accounts.ts'
import type { Bystanders, BystandersSample } from './bystanders.ts'
import { Cluster } from './cluster.ts'
import { Crowds, randomNetwork } from './crowds.ts'
import { monotonicMs } from './monotonic-clock.ts'
import { Program } from './rpc.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import { percentile, spread } from './statistics.ts'
import type { Spread } from './statistics.ts'
import type { StormCrowd } from './storm-crowd.ts'

export interface StormResult {
  readonly devices: number
  /** What cut them off: their node was killed, or their connections broke. */
  readonly cause: 'node killed' | 'connections cut'
  /** Until 99 % were back, and all, in ms. */
  readonly back99Ms: Spread
  readonly backMs: Spread
  /** Attempts for each device. */
  readonly attempts: Spread
  /** From a message's time to its ✓, before and until 99 % were back. */
  readonly calmAcceptedMs: { readonly p50: Spread; readonly p99: Spread }
  readonly acceptedMs: { readonly p50: Spread; readonly p99: Spread }
  readonly messagesMeanwhile: Spread
  readonly refused: Spread
}

type Storm = Readonly<Record<'back99' | 'back' | 'attempts' | 'meanwhile' | 'refused', number>> & {
  readonly calm: Percentiles
  readonly stormy: Percentiles
}

interface Percentiles {
  readonly p50: number
  readonly p99: number
}

const CROWD = new URL('storm-crowd.ts', import.meta.url)
const BYSTANDERS = new URL('bystanders.ts', import.meta.url)
const CROWD_SIZE = 2_500
const BYSTANDER_COUNT = 100
const MESSAGES_PER_SECOND = 200
const CALM_MS = 5_000
const LOOK_MS = 250
const TIMEOUT_MS = 120_000

/**
 * Cuts many devices off at once and lets them come back, several times, while others write: to one another, and to those
 * who are away. In a cluster the devices are on the first node, which is killed; they come back to the others. A node
 * alone loses their connections. @throws Error when a device does not come back, or a message that got its ✓ does not come
 */
export async function measureStorm(
  server: ServerUnderTest,
  devices: number,
  repeat: number,
  progress: (text: string) => void,
): Promise<StormResult> {
  const accounts = await insertAccounts(server, devices + BYSTANDER_COUNT)
  const storms: Storm[] = []
  for (let repetition = 1; repetition <= repeat; repetition++) {
    progress(`storm ${repetition} of ${repeat}`)
    storms.push(await storm(server, accounts.slice(0, devices), accounts.slice(devices)))
    if (repetition < repeat && server instanceof Cluster) await server.restart(0)
  }
  const of = (pick: (one: Storm) => number): Spread => spread(storms.map(pick))
  return {
    devices,
    cause: server instanceof Cluster ? 'node killed' : 'connections cut',
    back99Ms: of(({ back99 }) => back99),
    backMs: of(({ back }) => back),
    attempts: of(({ attempts }) => attempts),
    calmAcceptedMs: { p50: of(({ calm }) => calm.p50), p99: of(({ calm }) => calm.p99) },
    acceptedMs: { p50: of(({ stormy }) => stormy.p50), p99: of(({ stormy }) => stormy.p99) },
    messagesMeanwhile: of(({ meanwhile }) => meanwhile),
    refused: of(({ refused }) => refused),
  }
}

async function storm(
  server: ServerUnderTest,
  accounts: readonly Account[],
  others: readonly Account[],
): Promise<Storm> {
  await using crowds = await Crowds.start<StormCrowd>(CROWD, accounts, CROWD_SIZE)
  await using bystanders = await Program.start<Bystanders>(BYSTANDERS)
  const [first, ...rest] = server.nodes
  const survivors = (rest.length === 0 ? server.nodes : rest).map(({ socketUrl }) => socketUrl)
  await crowds.each((remote, options) => remote.connect({ urls: [first!.socketUrl], ...options }))
  const strangers = accounts.map(({ user }) => user)
  const localAddress = `${randomNetwork()}.1`
  await bystanders.remote.connect({ url: survivors[0]!, accounts: others, localAddress, strangers })

  const startedAt = monotonicMs()
  await bystanders.remote.start({ perSecond: MESSAGES_PER_SECOND })
  await delay(CALM_MS)
  await crowds.each((remote) => remote.lead({ urls: survivors }))
  const cutAt = await cutOff(server, crowds)
  const { onlineAt, attempts } = await allBack(crowds, accounts.length, cutAt)
  const back99 = percentile(onlineAt, 0.99)
  await bystanders.remote.finish(undefined)
  const sample = await bystanders.remote.sample(undefined)
  await requireAll(crowds, bystanders, sample)
  await crowds.each((remote) => remote.leave(undefined))
  return {
    back99: back99 - cutAt,
    back: percentile(onlineAt, 1) - cutAt,
    attempts: attempts / accounts.length,
    calm: percentilesOf(acceptedFrom(sample, startedAt, cutAt)),
    stormy: percentilesOf(acceptedFrom(sample, cutAt, back99)),
    meanwhile: acceptedFrom(sample, cutAt, back99).length,
    refused: sample.refused,
  }
}

/** @returns when it began */
async function cutOff(server: ServerUnderTest, crowds: Crowds<StormCrowd>): Promise<number> {
  if (!(server instanceof Cluster)) return Math.min(...(await crowds.each((remote) => remote.cut(undefined))))
  const cutAt = monotonicMs()
  await server.nodes[0]?.kill()
  return cutAt
}

async function allBack(
  crowds: Crowds<StormCrowd>,
  devices: number,
  cutAt: number,
): Promise<{ onlineAt: number[]; attempts: number }> {
  for (;;) {
    await delay(LOOK_MS)
    const samples = await crowds.each((remote) => remote.sample(undefined))
    const onlineAt = samples.flatMap((sample) => [...sample.onlineAt])
    const attempts = samples.reduce((sum, sample) => sum + sample.attempts, 0)
    const online = samples.reduce((sum, sample) => sum + sample.online, 0)
    if (online === devices && onlineAt.every((at) => at > cutAt)) return { onlineAt, attempts }
    if (monotonicMs() - cutAt > TIMEOUT_MS) throw new Error(`Only ${online} of ${devices} devices came back`)
  }
}

/** Every message has its ✓, and comes. */
async function requireAll(
  crowds: Crowds<StormCrowd>,
  bystanders: Program<Bystanders>,
  { sent, acceptedMs }: BystandersSample,
): Promise<void> {
  if (acceptedMs.length !== sent) throw new Error(`Only ${acceptedMs.length} of ${sent} messages got their ✓`)
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    const samples = await crowds.each((remote) => remote.sample(undefined))
    const { messages } = await bystanders.remote.sample(undefined)
    const came = samples.reduce((sum, sample) => sum + sample.messages, messages)
    if (came === sent) return
    if (performance.now() > deadline) throw new Error(`Only ${came} of ${sent} messages came`)
    await delay(LOOK_MS)
  }
}

function acceptedFrom({ dueAt, acceptedMs }: BystandersSample, from: number, to: number): number[] {
  return [...acceptedMs].filter((_, i) => dueAt[i]! >= from && dueAt[i]! < to)
}

function percentilesOf(values: readonly number[]): Percentiles {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) }
}
