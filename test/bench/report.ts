import { ackName } from './cells.ts'
import type { Cell } from './cells.ts'
import type { DrainResult } from './drain.ts'
import { kib, makeTable, mib, percent, range, verdict, whole } from './format.ts'
import type { IdleResult } from './idle.ts'
import type { SelfTime } from './profile.ts'
import type { Floor } from './relay-floor.ts'
import type { TerminalResult } from './terminal.ts'
import type { WholeLives } from './whole-lives.ts'

/** The tables of whole lives on one node, as text. */
export function formatWholeLives(relay: Floor, { cells, paced }: WholeLives): string {
  const cost = makeTable(['acks', 'window', 'pairs', 'lives/s', 'Node µs', 'PG µs', 'together', '× relay', 'budget'])
  const batches = makeTable([
    'acks',
    'window',
    'elided',
    'rows',
    'rows/flush',
    'WS messages',
    'Node busy',
    'clients µs',
  ])
  for (const cell of [...cells, ...paced]) {
    cost.push(costRow(cell))
    batches.push(batchesRow(cell))
  }
  return [
    formatRelay(relay),
    'CPU of the server for each whole life: median of the repetitions; × relay, measured just before and after, with its range',
    cost.toString(),
    formatLatency([...cells, ...paced]),
    'How the work was batched, for each whole life: rows written and deleted, WebSocket messages in and out',
    batches.toString(),
  ].join('\n')
}

export function formatRelay(relay: Floor): string {
  return `Relay: ${range(relay.micros, 1)} µs of CPU for the same seven frames at window 1 (${whole(relay.livesPerSecond)}/s, ${relay.messagesPerLife.toFixed(1)} WebSocket messages)`
}

export function formatLatency(cells: readonly Cell[]): string {
  const table = makeTable(['acks', 'window', 'lives/s', '✓ p50', '✓ p99', 'delivery p50', 'delivery p99'])
  for (const cell of cells) table.push(latencyRow(cell))
  return `Latency in ms, as the clients on this machine see it\n${table.toString()}`
}

export function formatProfile(profile: ReadonlyMap<string, readonly SelfTime[]>): string {
  return [...profile]
    .map(([name, times]) => {
      const table = makeTable([name, 'share', 'µs a life'])
      for (const time of times) table.push([time.name, percent(time.share), time.microsPerLife.toFixed(2)])
      return table.toString()
    })
    .join('\n')
}

export function formatIdle(result: IdleResult): string {
  const { devices, before, bytesPerDevice, budgetBytes, connectSeconds } = result
  const nodes = before.nodes.map((bytes, i) => {
    const name = before.nodes.length === 1 ? 'the node' : `node ${i + 1}`
    return growth(name, bytes, result.with.nodes[i]!, devices)
  })
  return [
    `${devices.toLocaleString('en')} idle authenticated devices, connected in ${connectSeconds.toFixed(1)} s`,
    ...nodes,
    ...(before.nats === 0 ? [] : [growth('nats-server', before.nats, result.with.nats, devices)]),
    `growth for each device: ${kib(bytesPerDevice)} (budget ${kib(budgetBytes)}: ${verdict(bytesPerDevice, budgetBytes)})`,
  ].join('\n')
}

/** A line on the memory of one process. */
export function growth(name: string, before: number, after: number, devices: number): string {
  return `resident memory of ${name}: ${mib(before)} → ${mib(after)}, ${kib((after - before) / devices)} for each device of all`
}

export function formatTerminal({ messages, frames }: TerminalResult): string {
  const table = makeTable(['text of each', 'first frame', 'a key', 'a message', 'PgUp'])
  for (const { text, first, key, message, pageUp } of frames)
    table.push([text, ...[first, key, message, pageUp].map((ms) => range(ms, 2))])
  return `A frame of the terminal client, ${messages.toLocaleString('en')} messages in the chat: ms, median and range\n${table.toString()}`
}

export function formatDrain(result: DrainResult): string {
  const { envelopes, payloadBytes, seconds, emptySeconds, grownBytes, budgetBytes, nodeMicros, postgresMicros } = result
  const rate = Math.round(envelopes / seconds).toLocaleString('en')
  return [
    `a mailbox of ${envelopes.toLocaleString('en')} envelopes of ${payloadBytes} bytes: delivered in ${seconds.toFixed(2)} s (${rate}/s), empty after ${emptySeconds.toFixed(2)} s`,
    `CPU for each envelope: Node ${nodeMicros.toFixed(1)} µs, PostgreSQL ${postgresMicros.toFixed(1)} µs`,
    `growth of the node's resident memory: ${mib(grownBytes)} at most (budget ${mib(budgetBytes)}: ${verdict(grownBytes, budgetBytes)})`,
  ].join('\n')
}

function costRow(cell: Cell): string[] {
  return [
    ackName(cell.ackDelayMs),
    windowName(cell),
    String(cell.pairs),
    whole(cell.livesPerSecond),
    cell.nodeMicros[0]!.median.toFixed(1),
    cell.postgresMicros.median.toFixed(1),
    cell.serverMicros.median.toFixed(1),
    range(cell.ratio, 2),
    cell.budget === undefined ? '' : `${cell.budget} ${verdict(cell.ratio.median, cell.budget)}`,
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
    percent(cell.nodeBusy[0]!.median),
    cell.clientMicros.median.toFixed(0),
  ]
}

export function windowName({ window }: Cell): string {
  return window === undefined ? 'even rate' : String(window)
}
