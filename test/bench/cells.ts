import { findLifeBudget } from './budgets.ts'
import type { Load } from './load.ts'
import type { Measurement } from './measure.ts'
import { pairsOf } from './options.ts'
import type { Options } from './options.ts'
import type { Interval } from './profile.ts'
import { spread } from './statistics.ts'
import type { Spread } from './statistics.ts'

/** One load, measured several times. CPU in µs for each whole life. */
export interface Cell {
  readonly ackDelayMs: number
  /** Undefined: messages came at an even rate. */
  readonly window: number | undefined
  readonly pairs: number
  /** CPU of the server in multiples of the relay's just before and after. */
  readonly ratio: Spread
  readonly budget: number | undefined
  readonly livesPerSecond: Spread
  /** Of each node. */
  readonly nodeMicros: readonly Spread[]
  readonly natsMicros: Spread
  readonly postgresMicros: Spread
  readonly serverMicros: Spread
  readonly clientMicros: Spread
  readonly nodeBusy: readonly Spread[]
  readonly elided: Spread
  readonly messagesPerLife: Spread
  readonly rowsPerLife: Spread
  readonly rowsPerFlush: Spread
  /** In all repetitions. */
  readonly lateAnswers: number
  readonly twice: number
  readonly accepted: { readonly p50Ms: Spread; readonly p99Ms: Spread }
  readonly delivered: { readonly p50Ms: Spread; readonly p99Ms: Spread }
}

/** A load of a server, and each measurement of it with the mean of the relay's just before and after. */
export interface Runs {
  readonly load: Load
  readonly measured: { readonly measurement: Measurement; readonly relayMicros: number }[]
}

/** The loads that make up the table: every delay of acknowledgements with every window. */
export function makeLoads(options: Options): Load[] {
  return options.acks.flatMap((ackDelayMs) =>
    options.windows.map((window): Load => {
      return { target: 'server', pairs: pairsOf(options, ackDelayMs, window), window, ackDelayMs }
    }),
  )
}

/** The same at an even rate, one for each delay. */
export function makePacedLoads({ acks, pairs }: Options, perSecond: number): Load[] {
  return acks.map((ackDelayMs) => ({ target: 'server', pairs, window: 1, ackDelayMs, perSecond }))
}

/** All CPU of the server for a whole life. */
export function serverMicros({ nodeMicros, natsMicros, postgresMicros }: Measurement): number {
  return nodeMicros.reduce((sum, micros) => sum + micros, natsMicros + postgresMicros)
}

export function toCell({ load, measured }: Runs): Cell {
  const of = (pick: (measurement: Measurement) => number): Spread =>
    spread(measured.map(({ measurement }) => pick(measurement)))
  const ofNodes = (pick: (measurement: Measurement) => readonly number[]): Spread[] =>
    (measured[0]?.measurement.nodeMicros ?? []).map((_, i) => of((measurement) => pick(measurement)[i] ?? Number.NaN))
  const window = load.perSecond === undefined ? load.window : undefined
  return {
    ackDelayMs: load.ackDelayMs,
    window,
    pairs: load.pairs,
    ratio: spread(measured.map(({ measurement, relayMicros }) => serverMicros(measurement) / relayMicros)),
    budget: window === undefined ? undefined : findLifeBudget(load.ackDelayMs, window),
    livesPerSecond: of(({ livesPerSecond }) => livesPerSecond),
    nodeMicros: ofNodes(({ nodeMicros }) => nodeMicros),
    natsMicros: of(({ natsMicros }) => natsMicros),
    postgresMicros: of(({ postgresMicros }) => postgresMicros),
    serverMicros: of(serverMicros),
    clientMicros: of(({ clientMicros }) => clientMicros),
    nodeBusy: ofNodes(({ nodeBusy }) => nodeBusy),
    elided: of(({ elided }) => elided),
    messagesPerLife: of(({ messagesPerLife }) => messagesPerLife),
    rowsPerLife: of(({ rowsPerLife }) => rowsPerLife),
    rowsPerFlush: of(({ rowsPerFlush }) => rowsPerFlush),
    lateAnswers: measured.reduce((sum, { measurement }) => sum + measurement.lateAnswers, 0),
    twice: measured.reduce((sum, { measurement }) => sum + measurement.twice, 0),
    accepted: { p50Ms: of(({ acceptedMs }) => acceptedMs.p50), p99Ms: of(({ acceptedMs }) => acceptedMs.p99) },
    delivered: { p50Ms: of(({ deliveredMs }) => deliveredMs.p50), p99Ms: of(({ deliveredMs }) => deliveredMs.p99) },
  }
}

/** When the load ran, for profiles. */
export function toIntervals({ load, measured }: Runs): Interval[] {
  const name = `acks ${ackName(load.ackDelayMs)}, ${load.perSecond === undefined ? `window ${load.window}` : 'even rate'}`
  return measured.map(({ measurement: { from, to, livesPerSecond } }) => {
    return { name, from, to, lives: (livesPerSecond * (to - from)) / 1e6 }
  })
}

export function ackName(ackDelayMs: number): string {
  return ackDelayMs === 0 ? 'immediate' : `${ackDelayMs} ms`
}
