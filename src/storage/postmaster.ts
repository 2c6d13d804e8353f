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

/** How long a file that has just been made may be empty. */
const FILLED_MS = 1_000

/** The server that runs on this data folder, if one does. */
export async function findPostmaster(folder: string): Promise<Postmaster | undefined> {
  const [pid = '', , , , socketFolder = ''] = (await readPidFile(folder)) ?? []
  if (!(await isPostmasterOf(Number(pid), folder))) return undefined
  return { pid: Number(pid), socketFolder }
}

/**
 * Removes the file of a server that is gone where PostgreSQL would refuse to start beside it: a process of something else
 * has its number now, or it was never filled. One whose number no process has, PostgreSQL removes itself.
 */
export async function removeStrayPidFile(folder: string): Promise<void> {
  const deadline = performance.now() + FILLED_MS
  let [pid] = (await readPidFile(folder)) ?? []
  while (pid === '' && performance.now() < deadline) {
    await delay(20)
    pid = (await readPidFile(folder))?.[0]
  }
  if (pid === undefined || (pid !== '' && !isAlive(Number(pid)))) return
  if (await isPostmasterOf(Number(pid), folder)) return
  await rm(pidFile(folder), { force: true })
}

function pidFile(folder: string): string {
  return join(folder, 'postmaster.pid')
}

/** Its lines; undefined: there is none. */
async function readPidFile(folder: string): Promise<string[] | undefined> {
  return readFile(pidFile(folder), 'utf8').then(
    (text) => text.split('\n'),
    () => undefined,
  )
}

/** Whether the process is the server of this folder; a zombie is not. */
export async function isPostmasterOf(pid: number, folder: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (platform() !== 'linux') return true
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.split('\0').includes(folder)
}

function isAlive(pid: number): boolean {
  // Numbers below name groups of processes, and 1 never is a server.
  if (!Number.isInteger(pid) || pid <= 1) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
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
