import Table from 'cli-table3'
import type { DrainResult } from './drain.ts'
import type { IdleResult } from './idle.ts'
import type { SelfTime } from './profile.ts'
import type { Spread } from './statistics.ts'
import { ackName } from './whole-lives.ts'
import type { Cell, WholeLives } from './whole-lives.ts'

const style = { head: [], border: [], compact: true }

/** The tables of whole lives, as text. */
export function formatWholeLives({ relay, cells, paced }: WholeLives): string {
  const cost = new Table({
    style,
    head: ['acks', 'window', 'pairs', 'lives/s', 'Node µs', 'PG µs', 'together', '× relay', 'budget'],
  })
  const latency = new Table({
    style,
    head: ['acks', 'window', 'lives/s', '✓ p50', '✓ p99', 'delivery p50', 'delivery p99'],
  })
  const batches = new Table({
    style,
    head: ['acks', 'window', 'elided', 'rows', 'rows/flush', 'WS messages', 'Node busy', 'clients µs'],
  })
  for (const cell of [...cells, ...paced]) {
    cost.push(costRow(cell))
    latency.push(latencyRow(cell))
    batches.push(batchesRow(cell))
  }
  return [
    `Relay: ${range(relay.micros, 1)} µs of CPU for the same seven frames at window 1 (${whole(relay.livesPerSecond)}/s, ${relay.messagesPerLife.toFixed(1)} WebSocket messages)`,
    'CPU of the server for each whole life: median of the repetitions; × relay, measured just before and after, with its range',
    cost.toString(),
    'Latency in ms, as the clients on this machine see it',
    latency.toString(),
    'How the work was batched, for each whole life: rows written and deleted, WebSocket messages in and out',
    batches.toString(),
  ].join('\n')
}

export function formatProfile(profile: ReadonlyMap<string, readonly SelfTime[]>): string {
  return [...profile]
    .map(([name, times]) => {
      const table = new Table({ style, head: [name, 'share', 'µs a life'] })
      for (const time of times) table.push([time.name, percent(time.share), time.microsPerLife.toFixed(2)])
      return table.toString()
    })
    .join('\n')
}

export function formatIdle(result: IdleResult): string {
  const { devices, rssBefore, rssWith, bytesPerDevice, budgetBytes, connectSeconds } = result
  const verdict = bytesPerDevice <= budgetBytes ? 'met' : 'missed'
  return [
    `${devices.toLocaleString('en')} idle authenticated devices, connected in ${connectSeconds.toFixed(1)} s`,
    `resident memory of the node: ${mib(rssBefore)} → ${mib(rssWith)}`,
    `growth for each device: ${kib(bytesPerDevice)} (budget ${kib(budgetBytes)}: ${verdict})`,
  ].join('\n')
}

export function formatDrain(result: DrainResult): string {
  const { envelopes, payloadBytes, seconds, emptySeconds, grownBytes, budgetBytes, nodeMicros, postgresMicros } = result
  const verdict = grownBytes < budgetBytes ? 'met' : 'missed'
  const rate = Math.round(envelopes / seconds).toLocaleString('en')
  return [
    `a mailbox of ${envelopes.toLocaleString('en')} envelopes of ${payloadBytes} bytes: delivered in ${seconds.toFixed(2)} s (${rate}/s), empty after ${emptySeconds.toFixed(2)} s`,
    `CPU for each envelope: Node ${nodeMicros.toFixed(1)} µs, PostgreSQL ${postgresMicros.toFixed(1)} µs`,
    `growth of the node's resident memory: ${mib(grownBytes)} at most (budget ${mib(budgetBytes)}: ${verdict})`,
  ].join('\n')
}

function costRow(cell: Cell): string[] {
  const together = cell.nodeMicros.median + cell.postgresMicros.median
  return [
    ackName(cell.ackDelayMs),
    windowName(cell),
    String(cell.pairs),
    whole(cell.livesPerSecond),
    cell.nodeMicros.median.toFixed(1),
    cell.postgresMicros.median.toFixed(1),
    together.toFixed(1),
    range(cell.ratio, 2),
    cell.budget === undefined ? '' : `${cell.budget} ${cell.ratio.median <= cell.budget ? 'met' : 'missed'}`,
  ]
}

function latencyRow(cell: Cell): string[] {
  const { accepted, delivered } = cell
  const times = [accepted.p50Ms, accepted.p99Ms, delivered.p50Ms, delivered.p99Ms]
  return [
    ackName(cell.ackDelayMs),
    windowName(cell),
    whole(cell.livesPerSecond),
    ...times.map(({ median }) => median.toFixed(1)),
  ]
}

function batchesRow(cell: Cell): string[] {
  return [
    ackName(cell.ackDelayMs),
    windowName(cell),
    percent(cell.elided.median),
    cell.rowsPerLife.median.toFixed(2),
    cell.rowsPerFlush.median.toFixed(0),
    cell.messagesPerLife.median.toFixed(2),
    percent(cell.nodeBusy.median),
    cell.clientMicros.median.toFixed(0),
  ]
}

function windowName({ window }: Cell): string {
  return window === undefined ? 'even rate' : String(window)
}

function whole({ median }: Spread): string {
  return Math.round(median).toLocaleString('en')
}

function range({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
