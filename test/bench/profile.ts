import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A time during which a load ran, in µs of the monotonic clock that profiles have too. */
export interface Interval {
  readonly name: string
  readonly from: number
  readonly to: number
  /** Whole lives in it. */
  readonly lives: number
}

/** A function, and how long the processor was in itself. */
export interface SelfTime {
  readonly name: string
  readonly share: number
  readonly microsPerLife: number
}

/** As V8 writes it: Chrome DevTools Protocol, `Profiler.Profile`. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const root = new URL('../..', import.meta.url).pathname

export async function readProfile(file: string): Promise<CpuProfile> {
  return JSON.parse(await readFile(file, 'utf8')) as CpuProfile
}

/** For each name of the intervals, the functions with the most self time while they ran, idle time left out. */
export function sumUp(profile: CpuProfile, intervals: readonly Interval[], top: number): Map<string, SelfTime[]> {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, describe(callFrame)]))
  const groups = Map.groupBy(intervals, ({ name }) => name)
  const result = new Map<string, SelfTime[]>()
  for (const [name, group] of groups) {
    const times = selfTimes(profile, group, names)
    times.delete('(idle)')
    const lives = group.reduce((sum, interval) => sum + interval.lives, 0)
    const total = [...times.values()].reduce((sum, micros) => sum + micros, 0)
    const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, top)
    result.set(
      name,
      sorted.map(([of, micros]) => ({ name: of, share: micros / total, microsPerLife: micros / lives })),
    )
  }
  return result
}

function selfTimes(
  { samples, timeDeltas, startTime }: CpuProfile,
  intervals: readonly Interval[],
  names: ReadonlyMap<number, string>,
): Map<string, number> {
  const times = new Map<string, number>()
  let at = startTime
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i] ?? 0
    if (!intervals.some(({ from, to }) => at >= from && at < to)) continue
    const name = names.get(id) ?? '?'
    // A sample stands for the time until the next one.
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i + 1] ?? 0))
  }
  return times
}

function describe({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName || '(anonymous)'
  const file = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`
}
