import { spawn } from 'node:child_process'

export interface ProgramResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly timeoutMs?: number
  /** Hears each whole line of what it writes to stderr. */
  readonly onErrorLine?: (line: string) => void
}

const KEPT_CHARS = 1_000_000

/** Runs a program to its end; one that is not there, or takes too long, has the exit code null. */
export function runProgram(
  program: string,
  args: readonly string[],
  { env = process.env, cwd, timeoutMs, onErrorLine }: ProgramOptions = {},
): Promise<ProgramResult> {
  const { promise, resolve } = Promise.withResolvers<ProgramResult>()
  const child = spawn(program, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' }),
  })
  let stdout = ''
  let stderr = ''
  let line = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = (stdout + chunk.toString()).slice(-KEPT_CHARS)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-KEPT_CHARS)
    const parts = (line + chunk.toString()).split('\n')
    line = parts.pop() ?? ''
    for (const part of parts) onErrorLine?.(part)
  })
  child.on('error', (error) => resolve({ code: null, stdout, stderr: error.message }))
  child.on('close', (code) => resolve({ code, stdout, stderr }))
  return promise
}
