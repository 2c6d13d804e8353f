import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import { environment } from './environment.ts'

export interface ToolAnswer {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const TOOL = fileURLToPath(new URL('../../tools/shards/main.ts', import.meta.url))

/** Runs `npm run shards --` with these arguments. */
export function runShards(urls: readonly string[], ...args: readonly string[]): Promise<ToolAnswer> {
  return runProgram(TOOL, urls, ...args)
}

/** Runs another program on the same databases. */
export function runProgram(program: string, urls: readonly string[], ...args: readonly string[]): Promise<ToolAnswer> {
  return runTool(program, { DATABASE_URLS: urls.join(',') }, ...args)
}

/** Runs a program with these settings alone. */
export async function runTool(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
  ...args: readonly string[]
): Promise<ToolAnswer> {
  const child = spawn(process.execPath, [program, ...args], {
    // Where no file `.env` changes anything.
    cwd: tmpdir(),
    env: { ...environment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, stdout, stderr }
}
