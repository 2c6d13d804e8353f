import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { StormResult } from './storm.ts'
import type { WholeLivesRun } from './whole-lives.ts'

const TIMEOUT_MS = 110_000

/** Runs the bench. @throws Error when it fails */
export async function bench(...args: readonly string[]): Promise<{ wholeLives: WholeLivesRun; storm: StormResult }> {
  const main = 'test/bench/main.ts'
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--json', ...args], { timeout: TIMEOUT_MS })
  return JSON.parse(stdout) as { wholeLives: WholeLivesRun; storm: StormResult }
}
