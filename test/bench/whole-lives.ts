import { makeLoads, makePacedLoads, serverMicros, toCell, toIntervals } from './cells.ts'
import type { Cell, Runs } from './cells.ts'
import type { Load } from './load.ts'
import { measure } from './measure.ts'
import type { Measurement } from './measure.ts'
import type { Options } from './options.ts'
import type { Interval } from './profile.ts'
import { RelayFloor } from './relay-floor.ts'
import type { Floor } from './relay-floor.ts'
import { Rigs } from './rigs.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import type { SmsSink } from './sms-sink.ts'
import { spread } from './statistics.ts'
import type { Spread } from './statistics.ts'

/** The same loads of one server, in one cell each. */
export interface WholeLives {
  readonly cells: readonly Cell[]
  /** At half of the rate of the last server's first cell, spread evenly. */
  readonly paced: readonly Cell[]
}

export interface WholeLivesRun {
  readonly relay: Floor
  /** In the order of the servers. */
  readonly lives: readonly WholeLives[]
  /** CPU of the last server in multiples of the first one's in the same repetition, for each cell and each paced one. */
  readonly ratios: { readonly cells: readonly Spread[]; readonly paced: readonly Spread[] }
  /** When the loads of each server ran. */
  readonly intervals: readonly (readonly Interval[])[]
}

/**
 * Measures what a message's whole life costs the servers, each load on each of them in turn, the relay before and after,
 * so that all meet the same machine.
 */
export async function measureWholeLives(
  servers: readonly ServerUnderTest[],
  sms: SmsSink,
  options: Options,
  progress: (text: string) => void,
): Promise<WholeLivesRun> {
  await using opened = await Rigs.open(servers, sms, options, progress)
  const { rigs } = opened
  const times = { warmUpSeconds: options.warmUp, seconds: options.seconds }
  const relay = new RelayFloor(rigs[0]!, options.pairs, times)
  const loads = makeLoads(options)

  progress('warming up')
  await relay.warmUp()
  for (const load of loads) for (const rig of rigs) await measure(rig, load, times)

  /** The runs of each load, one for each server. */
  const measureAll = async (group: readonly Load[]): Promise<Runs[][]> => {
    const runs = group.map((load) => rigs.map((): Runs => ({ load, measured: [] })))
    for (let repetition = 1; repetition <= options.repeat; repetition++) {
      progress(`repetition ${repetition} of ${options.repeat}`)
      let before = await relay.measure()
      for (const ofLoad of runs) {
        const measured: Measurement[] = []
        for (const [i, { load }] of ofLoad.entries()) measured.push(await measure(rigs[i]!, load, times))
        const after = await relay.measure()
        for (const [i, measurement] of measured.entries()) {
          ofLoad[i]!.measured.push({ measurement, relayMicros: (before + after) / 2 })
        }
        before = after
      }
    }
    return runs
  }
  const cells = await measureAll(loads)
  progress('at an even rate')
  const rate = cells[0]?.at(-1)?.measured.map(({ measurement }) => measurement.livesPerSecond) ?? []
  const paced = await measureAll(makePacedLoads(options, Math.round(spread(rate).median / 2)))
  const all = [...cells, ...paced]
  return {
    relay: relay.results,
    lives: servers.map((_, i) => ({
      cells: cells.map((runs) => toCell(runs[i]!)),
      paced: paced.map((runs) => toCell(runs[i]!)),
    })),
    ratios: { cells: cells.map(compare), paced: paced.map(compare) },
    intervals: servers.map((_, i) => all.flatMap((runs) => toIntervals(runs[i]!))),
  }
}

/** The last server's CPU beside the first one's, one by one. */
function compare(runs: readonly Runs[]): Spread {
  const costs = (one: Runs): number[] => one.measured.map(({ measurement }) => serverMicros(measurement))
  const first = costs(runs[0]!)
  return spread(costs(runs.at(-1)!).map((micros, i) => micros / first[i]!))
}
