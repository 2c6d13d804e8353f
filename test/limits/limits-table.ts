import { readFile } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'

/** One line of the table in `docs/limits.md`, as it is written there. */
export interface LimitRow {
  readonly limit: string
  readonly value: string
  readonly beyond: string
}

/** The lines of the table, in its order. */
export async function readLimitsTable(): Promise<LimitRow[]> {
  const text = await readFile(new URL('../../docs/limits.md', import.meta.url), 'utf8')
  return text.split('\n').flatMap((line) => {
    const [limit = '', , , value = '', beyond = ''] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    const name = /^`(.+)`$/.exec(limit)?.[1]
    return name === undefined ? [] : [{ limit: name, value, beyond }]
  })
}

/** The value of a limit as people read it; undefined: there is no such limit. */
export function describeLimit(config: Config, path: string): string | undefined {
  const value = path.split('.').reduce<unknown>((part, name) => (part as Record<string, unknown>)?.[name], config)
  if (typeof value === 'number') return describeNumber(path, value)
  if (typeof value !== 'object' || value === null || !('burst' in value) || !('perSecond' in value)) return undefined
  const { burst, perSecond } = value as { burst: number; perSecond: number }
  if (/bytes/i.test(path)) return `${inBytes(burst)}, then ${inBytes(perSecond)} a second`
  return `${count(burst)}, then ${describeRate(perSecond)}`
}

const KiB = 1_024
const MiB = KiB * KiB
const GiB = KiB * MiB

function describeNumber(path: string, value: number): string {
  if (/bytes/i.test(path)) return inBytes(value)
  if (path.endsWith('Ms')) {
    return inUnits(value, [86_400_000, 'days'], [3_600_000, 'h'], [60_000, 'min'], [1_000, 's'], [1, 'ms'])
  }
  return count(value)
}

function inBytes(value: number): string {
  return inUnits(value, [GiB, 'GiB'], [MiB, 'MiB'], [KiB, 'KiB'], [1, 'bytes'])
}

function inUnits(value: number, ...units: readonly (readonly [number, string])[]): string {
  const [size, name] = units.find(([one]) => value >= one && Number.isInteger(value / one)) ?? units.at(-1)!
  return `${count(value / size)} ${name}`
}

function describeRate(perSecond: number): string {
  const [seconds, unit] = ([
    [1, 'a second'],
    [60, 'a minute'],
    [3_600, 'an hour'],
  ].find(([length]) => perSecond * Number(length) >= 0.999) ?? [86_400, 'a day']) as [number, string]
  return `${count(Math.round(perSecond * seconds * 100) / 100)} ${unit}`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
