import { findClusterBudget, STORM_ACCEPTED_MS, STORM_BACK_MS } from './budgets.ts'
import { ackName } from './cells.ts'
import type { Cell } from './cells.ts'
import type { ConnectionsResult } from './connections.ts'
import { makeTable, percent, range, verdict, whole } from './format.ts'
import { formatLatency, formatRelay, growth, windowName } from './report.ts'
import type { ServerCpu } from './server-under-test.ts'
import type { Spread } from './statistics.ts'
import type { StormResult } from './storm.ts'
import type { WholeLivesRun } from './whole-lives.ts'

/** The tables of whole lives between two nodes, beside those on one, as text. */
export function formatClusterLives({ relay, lives, ratios }: WholeLivesRun): string {
  const [one, cluster] = lives
  if (one === undefined || cluster === undefined) throw new Error('There is nothing to compare with')
  const cost = makeTable([
    'acks',
    'window',
    'pairs',
    'one node',
    'node 1',
    'node 2',
    'NATS',
    'PG',
    'together',
    '× one node',
    'budget',
    '× relay',
  ])
  const batches = makeTable([
    'acks',
    'window',
    'lives/s',
    'one node',
    'node 1 busy',
    'node 2 busy',
    'elided',
    'rows',
    'late answers',
    'came twice',
  ])
  const oneCells = [...one.cells, ...one.paced]
  const clusterCells = [...cluster.cells, ...cluster.paced]
  for (const [i, ratio] of [...ratios.cells, ...ratios.paced].entries()) {
    cost.push(costRow(oneCells[i]!, clusterCells[i]!, ratio))
    batches.push(batchesRow(oneCells[i]!, clusterCells[i]!))
  }
  return [
    formatRelay(relay),
    'CPU in µs for each whole life, the author on node 1 and the reader on node 2, beside a node alone: medians, ratios with their range',
    cost.toString(),
    'How much was done, beside a node alone; rows are written and deleted ones for each life',
    batches.toString(),
    formatLatency(clusterCells),
  ].join('\n')
}

export function formatConnections(result: ConnectionsResult): string {
  const { devices, nodes, connectSeconds, before, acceptedMs, deliveredMs } = result
  const cpu = makeTable(['', ...before.nodes.map((_, i) => `node ${i + 1}`), 'NATS', 'PG'])
  cpu.push(
    ['connect, µs for each device', ...cpuRow(result.connectMicros, (micros) => micros.toFixed(0))],
    [`held for ${result.holdSeconds} s, of one core`, ...cpuRow(result.holdBusy, percent)],
    ['a message for each, µs', ...cpuRow(result.messageMicros, (micros) => micros.toFixed(0))],
  )
  return [
    `${devices.toLocaleString('en')} devices on ${nodes} nodes, connected in ${connectSeconds.toFixed(1)} s; all stayed, and each got its message`,
    ...before.nodes.map((bytes, i) => growth(`node ${i + 1}`, bytes, result.with.nodes[i]!, devices)),
    growth('nats-server', before.nats, result.with.nats, devices),
    `${result.perSecond.toLocaleString('en')} messages a second, ${result.messageSeconds.toFixed(1)} s: ✓ after ${times(acceptedMs)}, delivered after ${times(deliveredMs)}; ${result.refused} sends were put off, ${result.twice} messages came twice`,
    'CPU by process',
    cpu.toString(),
  ].join('\n')
}

export function formatStorm(result: StormResult): string {
  const { devices, cause, back99Ms, backMs, attempts, calmAcceptedMs, acceptedMs } = result
  return [
    `${devices.toLocaleString('en')} devices at once, ${cause}: 99 % back after ${range(seconds(back99Ms), 1)} s (budget ${STORM_BACK_MS / 1_000} s: ${verdict(back99Ms.median, STORM_BACK_MS)}), all after ${range(seconds(backMs), 1)} s; ${range(attempts, 2)} attempts each`,
    `✓ before: p50 ${range(calmAcceptedMs.p50, 1)} ms, p99 ${range(calmAcceptedMs.p99, 1)} ms`,
    `✓ meanwhile: p50 ${range(acceptedMs.p50, 1)} ms, p99 ${range(acceptedMs.p99, 0)} ms (budget ${STORM_ACCEPTED_MS} ms: ${verdict(acceptedMs.p99.median, STORM_ACCEPTED_MS)}), of ${whole(result.messagesMeanwhile)} messages; ${whole(result.refused)} sends were put off`,
    'Every message got its ✓, and came.',
  ].join('\n')
}

function costRow(one: Cell, cell: Cell, ratio: Spread): string[] {
  const budget = findClusterBudget(cell.window)
  return [
    ackName(cell.ackDelayMs),
    windowName(cell),
    String(cell.pairs),
    one.serverMicros.median.toFixed(1),
    ...cell.nodeMicros.map(({ median }) => median.toFixed(1)),
    cell.natsMicros.median.toFixed(1),
    cell.postgresMicros.median.toFixed(1),
    cell.serverMicros.median.toFixed(1),
    range(ratio, 2),
    budget === undefined ? '' : `${budget} ${verdict(ratio.median, budget)}`,
    cell.ratio.median.toFixed(2),
  ]
}

function batchesRow(one: Cell, cell: Cell): string[] {
  return [
    ackName(cell.ackDelayMs),
    windowName(cell),
    whole(cell.livesPerSecond),
    whole(one.livesPerSecond),
    ...cell.nodeBusy.map(({ median }) => percent(median)),
    percent(cell.elided.median),
    cell.rowsPerLife.median.toFixed(2),
    String(cell.lateAnswers),
    String(cell.twice),
  ]
}

function cpuRow({ nodes, nats, postgres }: ServerCpu, format: (value: number) => string): string[] {
  return [...nodes, nats, postgres].map(format)
}

function times({ p50, p99, max }: ConnectionsResult['acceptedMs']): string {
  return `${p50.toFixed(1)} ms (p99 ${p99.toFixed(0)}, at most ${max.toFixed(0)})`
}

function seconds({ median, min, max }: Spread): Spread {
  return { median: median / 1_000, min: min / 1_000, max: max / 1_000 }
}
