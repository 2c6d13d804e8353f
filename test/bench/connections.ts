import { setTimeout as delay } from 'node:timers/promises'
import { connectCrowd, requireOpen } from './crowd-under-test.ts'
import type { ServerCpu, ServerMemory, ServerUnderTest } from './server-under-test.ts'
import { percentile } from './statistics.ts'

export interface ConnectionsResult {
  readonly devices: number
  readonly nodes: number
  readonly connectSeconds: number
  /** CPU for each device that connects, in µs. */
  readonly connectMicros: ServerCpu
  readonly before: ServerMemory
  readonly with: ServerMemory
  /** So long all were held, silent. */
  readonly holdSeconds: number
  /** Share of one core that each process used meanwhile. */
  readonly holdBusy: ServerCpu
  /** Then each wrote a message to one on another node, so many a second. */
  readonly perSecond: number
  readonly messageSeconds: number
  /** Sends that the server put off, and messages that came again. */
  readonly refused: number
  readonly twice: number
  /** CPU for each message, in µs. */
  readonly messageMicros: ServerCpu
  readonly acceptedMs: Times
  readonly deliveredMs: Times
}

interface Times {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Of all devices together: each message is the first between its two, for which nothing is remembered yet. */
const PER_SECOND = 500

/** Connects as many devices as asked for to each node, holds them, and has each get a message. @throws Error when one did not */
export async function measureConnections(
  server: ServerUnderTest,
  perNode: number,
  holdSeconds: number,
  progress: (text: string) => void,
): Promise<ConnectionsResult> {
  const devices = perNode * server.nodes.length
  await using crowd = await connectCrowd(server, devices, progress)
  const { crowds, connectSeconds, cpuBefore, cpuAfter, before } = crowd
  progress(`holding them for ${holdSeconds} s`)
  const held = server.cpu
  await delay(holdSeconds * 1_000)
  const holdCpu = subtract(server.cpu, held)
  await requireOpen(crowds, devices)

  progress('a message for each')
  const idle = server.cpu
  const startedAt = performance.now()
  const rounds = await crowds.each((remote, { accounts }) =>
    remote.write({ perSecond: (PER_SECOND * accounts.length) / devices }),
  )
  const messageSeconds = (performance.now() - startedAt) / 1_000
  const messageCpu = subtract(server.cpu, idle)
  const accepted = rounds.flatMap(({ acceptedMs }) => [...acceptedMs])
  const delivered = rounds.flatMap(({ deliveredMs }) => [...deliveredMs])
  if (accepted.length !== devices || delivered.length !== devices) {
    const found = `${accepted.length} accepted, ${delivered.length} delivered`
    throw new Error(`Not every one of ${devices} devices got its message once: ${found}`)
  }
  return {
    devices,
    nodes: server.nodes.length,
    connectSeconds,
    connectMicros: scale(subtract(cpuAfter, cpuBefore), 1_000 / devices),
    before,
    with: crowd.with,
    holdSeconds,
    holdBusy: scale(holdCpu, 1 / (holdSeconds * 1_000)),
    perSecond: PER_SECOND,
    messageSeconds,
    refused: rounds.reduce((sum, round) => sum + round.refused, 0),
    twice: rounds.reduce((sum, round) => sum + round.twice, 0),
    messageMicros: scale(messageCpu, 1_000 / devices),
    acceptedMs: times(accepted),
    deliveredMs: times(delivered),
  }
}

function subtract(now: ServerCpu, then: ServerCpu): ServerCpu {
  return {
    nodes: now.nodes.map((ms, i) => ms - then.nodes[i]!),
    nats: now.nats - then.nats,
    postgres: now.postgres - then.postgres,
  }
}

function scale({ nodes, nats, postgres }: ServerCpu, factor: number): ServerCpu {
  return { nodes: nodes.map((ms) => ms * factor), nats: nats * factor, postgres: postgres * factor }
}

function times(values: readonly number[]): Times {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) }
}
