import { registerAccounts } from './accounts.ts'
import { findLifeBudget } from './budgets.ts'
import type { Load } from './load.ts'
import { LoadGroup } from './load-group.ts'
import { measure } from './measure.ts'
import type { Measurement, Rig } from './measure.ts'
import { pairsOf } from './options.ts'
import type { Options } from './options.ts'
import type { Interval } from './profile.ts'
import type { Relay } from './relay.ts'
import { Program } from './rpc.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import type { SmsSink } from './sms-sink.ts'
import { spread } from './statistics.ts'
import type { Spread } from './statistics.ts'

/** One load, measured several times. */
export interface Cell {
  readonly ackDelayMs: number
  /** Undefined: messages came at an even rate. */
  readonly window: number | undefined
  readonly pairs: number
  /** CPU of the server in multiples of the relay's just before and after. */
  readonly ratio: Spread
  readonly budget: number | undefined
  readonly livesPerSecond: Spread
  readonly nodeMicros: Spread
  readonly postgresMicros: Spread
  readonly clientMicros: Spread
  readonly nodeBusy: Spread
  readonly elided: Spread
  readonly messagesPerLife: Spread
  readonly rowsPerLife: Spread
  readonly rowsPerFlush: Spread
  readonly accepted: { readonly p50Ms: Spread; readonly p99Ms: Spread }
  readonly delivered: { readonly p50Ms: Spread; readonly p99Ms: Spread }
}

export interface WholeLives {
  readonly relay: { readonly micros: Spread; readonly livesPerSecond: Spread; readonly messagesPerLife: number }
  readonly cells: readonly Cell[]
  /** At half of the rate of the first cell, spread evenly. */
  readonly paced: readonly Cell[]
}

export interface WholeLivesRun {
  readonly results: WholeLives
  readonly intervals: readonly Interval[]
}

/** A load of the server, and each measurement of it with the mean of the relay's just before and after. */
interface Runs {
  readonly load: Load
  readonly measured: { readonly measurement: Measurement; readonly relayMicros: number }[]
}

const RELAY = new URL('relay.ts', import.meta.url)

/** Measures what a message's whole life costs the server, with the relay in between. */
export async function measureWholeLives(
  server: ServerUnderTest,
  sms: SmsSink,
  options: Options,
  progress: (text: string) => void,
): Promise<WholeLivesRun> {
  const runs: Runs[] = makeLoads(options).map((load) => ({ load, measured: [] }))
  const pairs = Math.max(options.pairs, ...runs.map(({ load }) => load.pairs))
  progress(`registering ${2 * pairs} users`)
  const accounts = await registerAccounts(server, sms, 2 * pairs)
  await using relay = await Program.start<Relay>(RELAY)
  const relayPort = await relay.remote.listen({ payloadBytes: options.payload })
  await using load = await LoadGroup.open({
    generators: options.generators,
    serverUrl: server.url.replace('http', 'ws'),
    relayUrl: `ws://127.0.0.1:${relayPort}`,
    accounts,
    relayPairs: options.pairs,
    payloadBytes: options.payload,
  })
  const rig: Rig = { server, relayPid: relay.pid, load }
  const times = { warmUpSeconds: options.warmUp, seconds: options.seconds }
  const relayLoad: Load = { target: 'relay', pairs: options.pairs, window: 1, ackDelayMs: 0 }

  progress('warming up')
  await measure(rig, relayLoad, times)
  for (const { load: one } of runs) await measure(rig, one, times)

  const relays: Measurement[] = []
  const measureRelay = async (): Promise<number> => {
    const floor = await measure(rig, relayLoad, times)
    relays.push(floor)
    return floor.relayMicros
  }
  /** The relay runs before and after each load, so that both meet the same machine. */
  const runOnce = async (group: readonly Runs[]): Promise<void> => {
    let before = await measureRelay()
    for (const { load: one, measured } of group) {
      const measurement = await measure(rig, one, times)
      const after = await measureRelay()
      measured.push({ measurement, relayMicros: (before + after) / 2 })
      before = after
    }
  }
  for (let repetition = 1; repetition <= options.repeat; repetition++) {
    progress(`repetition ${repetition} of ${options.repeat}`)
    await runOnce(runs)
  }
  const cells = runs.map(toCell)
  progress('latency at an even rate')
  const perSecond = Math.round((cells[0]?.livesPerSecond.median ?? 0) / 2)
  const paced: Runs[] = options.acks.map((ackDelayMs) => ({
    load: { target: 'server', pairs: options.pairs, window: 1, ackDelayMs, perSecond },
    measured: [],
  }))
  for (let repetition = 1; repetition <= options.repeat; repetition++) await runOnce(paced)
  const results = {
    relay: {
      micros: spread(relays.map(({ relayMicros }) => relayMicros)),
      livesPerSecond: spread(relays.map(({ livesPerSecond }) => livesPerSecond)),
      messagesPerLife: spread(relays.map(({ messagesPerLife }) => messagesPerLife)).median,
    },
    cells,
    paced: paced.map(toCell),
  }
  return { results, intervals: [...runs, ...paced].flatMap(toIntervals) }
}

function makeLoads(options: Options): Load[] {
  return options.acks.flatMap((ackDelayMs) =>
    options.windows.map((window): Load => {
      return { target: 'server', pairs: pairsOf(options, ackDelayMs, window), window, ackDelayMs }
    }),
  )
}

function toCell({ load, measured }: Runs): Cell {
  const of = (pick: (measurement: Measurement) => number): Spread =>
    spread(measured.map(({ measurement }) => pick(measurement)))
  const window = load.perSecond === undefined ? load.window : undefined
  return {
    ackDelayMs: load.ackDelayMs,
    window,
    pairs: load.pairs,
    ratio: spread(
      measured.map(({ measurement: { nodeMicros, postgresMicros }, relayMicros }) => {
        return (nodeMicros + postgresMicros) / relayMicros
      }),
    ),
    budget: window === undefined ? undefined : findLifeBudget(load.ackDelayMs, window),
    livesPerSecond: of(({ livesPerSecond }) => livesPerSecond),
    nodeMicros: of(({ nodeMicros }) => nodeMicros),
    postgresMicros: of(({ postgresMicros }) => postgresMicros),
    clientMicros: of(({ clientMicros }) => clientMicros),
    nodeBusy: of(({ nodeBusy }) => nodeBusy),
    elided: of(({ elided }) => elided),
    messagesPerLife: of(({ messagesPerLife }) => messagesPerLife),
    rowsPerLife: of(({ rowsPerLife }) => rowsPerLife),
    rowsPerFlush: of(({ rowsPerFlush }) => rowsPerFlush),
    accepted: { p50Ms: of(({ acceptedMs }) => acceptedMs.p50), p99Ms: of(({ acceptedMs }) => acceptedMs.p99) },
    delivered: { p50Ms: of(({ deliveredMs }) => deliveredMs.p50), p99Ms: of(({ deliveredMs }) => deliveredMs.p99) },
  }
}

function toIntervals({ load, measured }: Runs): Interval[] {
  const name = `acks ${ackName(load.ackDelayMs)}, ${load.perSecond === undefined ? `window ${load.window}` : 'even rate'}`
  return measured.map(({ measurement: { from, to, livesPerSecond } }) => {
    return { name, from, to, lives: (livesPerSecond * (to - from)) / 1e6 }
  })
}

export function ackName(ackDelayMs: number): string {
  return ackDelayMs === 0 ? 'immediate' : `${ackDelayMs} ms`
}
