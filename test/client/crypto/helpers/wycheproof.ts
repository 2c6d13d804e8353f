import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The vectors are no part of the project: beside its folder, or where `WYCHEPROOF_DIR` says. */
const BESIDE = fileURLToPath(new URL('../../../../../shared/vectors/wycheproof', import.meta.url))

export type Vector = Readonly<Record<string, string>> & {
  readonly tcId: number
  readonly flags: readonly string[]
  readonly size?: number
}

export interface VectorGroup {
  readonly publicKey?: { readonly pk: string }
  readonly tagSize?: number
  readonly tests: readonly Vector[]
}

/** Whether they are here. @throws Error when `WYCHEPROOF_DIR` names a folder that is not there */
export function hasWycheproof(): boolean {
  const named = process.env['WYCHEPROOF_DIR']
  if (named !== undefined && !existsSync(named)) throw new Error(`WYCHEPROOF_DIR is set, but ${named} is missing`)
  return existsSync(folder())
}

/** The groups of a file, which has so many vectors. */
export function readWycheproof(file: string, count: number): readonly VectorGroup[] {
  const { testGroups } = JSON.parse(readFileSync(join(folder(), file), 'utf8')) as { testGroups: VectorGroup[] }
  const found = testGroups.reduce((sum, { tests }) => sum + tests.length, 0)
  if (found !== count) throw new Error(`${file} has ${found} vectors and not ${count}`)
  return testGroups
}

function folder(): string {
  return process.env['WYCHEPROOF_DIR'] ?? BESIDE
}
