import { readFile, rm } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'

/** A running PostgreSQL server as its data folder's `postmaster.pid` names it. */
export interface Postmaster {
  readonly pid: number
  readonly socketFolder: string
}

/** The server that runs on this data folder, if one does. A file left behind by one that is gone is removed. */
export async function findPostmaster(folder: string): Promise<Postmaster | undefined> {
  const file = join(folder, 'postmaster.pid')
  const lines = await readFile(file, 'utf8').then(
    (text) => text.split('\n'),
    () => undefined,
  )
  if (lines === undefined) return undefined
  const pid = Number(lines[0])
  if (Number.isInteger(pid) && pid > 1 && (await isPostmasterOf(pid, folder))) {
    return { pid, socketFolder: lines[4] ?? '' }
  }
  // PostgreSQL itself would take any process that now has the number for the server.
  await rm(file, { force: true })
  return undefined
}

/** Whether the process is the server of this folder; a zombie is not. */
export async function isPostmasterOf(pid: number, folder: string): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (platform() !== 'linux') return true
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.split('\0').includes(folder)
}

/** Polls, since the server need not be a child of this process. False: it still runs after `timeoutMs`. */
export async function waitForExit(pid: number, folder: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (await isPostmasterOf(pid, folder)) {
    if (performance.now() > deadline) return false
    await delay(20)
  }
  return true
}

/** Ends a server: connections are cut and everything is flushed; one that does not obey is ended without a flush. */
export async function endPostmaster(pid: number, folder: string): Promise<void> {
  for (const [signal, timeoutMs] of [
    ['SIGINT', 30_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!signalProcess(pid, signal)) return
    if (await waitForExit(pid, folder, timeoutMs)) return
  }
}

/** False: there is no such process any more. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** Connects as soon as the server accepts, or gives up: on `signal`, or after `timeoutMs`. */
export async function connectWhenReady(
  url: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Client | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, keepAlive: true })
    // An error of an idle connection has no other listener, and would end the process.
    client.on('error', () => undefined)
    try {
      await client.connect()
      return client
    } catch {
      await client.end().catch(() => undefined)
      if (signal?.aborted || performance.now() > deadline) return undefined
      await delay(20)
    }
  }
}
