import { execFile } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../shared/start-error.ts'
import { environment, type PostgresBinaries, type Runner, type ServerUser } from './postgres-binaries.ts'

const run = promisify(execFile)

/** The superuser of the cluster. */
export const USER = 'parley'
/** A path of a Unix socket has at most 107 bytes, "/.s.PGSQL.5432" among them. */
const MAX_SOCKET_FOLDER_BYTES = 90

/** Makes the folder and sees that it can be written to. @throws StartError */
export async function prepareFolder(dataDir: string, ids: ServerUser | undefined): Promise<void> {
  try {
    // The server's own user must be able to pass, if it has one.
    await mkdir(dataDir, { recursive: true, mode: ids === undefined ? 0o700 : 0o711 })
    const probe = join(dataDir, '.writable')
    await (await open(probe, 'w')).close()
    await rm(probe)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new StartError(`DATA_DIR: cannot write to the folder ${dataDir} (${code ?? String(cause)})`, { cause })
  }
}

/**
 * In the data folder; or, where its path is too long for a socket, or has a comma, which parts the folders of a server's
 * sockets, in a private folder of the system's temporary one.
 */
export async function prepareSocketFolder(folder: string, ids: ServerUser | undefined): Promise<string> {
  if (Buffer.byteLength(folder) <= MAX_SOCKET_FOLDER_BYTES && !folder.includes(',')) return folder
  const owner = ids?.uid ?? process.getuid?.() ?? 0
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  const short = join(tmpdir(), `parley-${owner}-${name}`)
  await mkdir(short, { recursive: true, mode: 0o700 })
  if (ids !== undefined) await chown(short, ids.uid, ids.gid)
  const { uid, mode } = await stat(short)
  if (uid !== owner || (mode & 0o077) !== 0) throw new StartError(`${short} belongs to somebody else: shorten DATA_DIR`)
  return short
}

export interface NewFolder {
  readonly folder: string
  readonly ids: ServerUser | undefined
  readonly binaries: PostgresBinaries
  readonly runner: Runner
  /** Ends it. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes a new database cluster. It is made beside its place and renamed, so that an interrupted start leaves nothing that
 * looks whole.
 * @throws StartError
 */
export async function initialiseFolder({ folder, ids, binaries, runner, signal }: NewFolder): Promise<void> {
  if (ids === undefined) requireUserEntry()
  const draft = `${folder}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  if (ids !== undefined) await chown(draft, ids.uid, ids.gid)
  const [program = '', ...args] = [
    ...runner.prefix,
    binaries.initdb,
    `--pgdata=${draft}`,
    `--username=${USER}`,
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ]
  const running = run(program, args, { ...runner.ids, env: environment(), cwd: '/', ...(signal && { signal }) })
  try {
    await running
  } catch (cause) {
    await exited(running.child)
    throw new StartError(`PostgreSQL could not prepare ${folder}: ${lastLine((cause as Error).message)}`, { cause })
  }
  await rm(folder, { recursive: true, force: true })
  await rename(draft, folder)
}

/** PostgreSQL looks its user up by name, and a container may run as a number that has none. */
function requireUserEntry(): void {
  try {
    userInfo()
  } catch (cause) {
    const user = process.getuid?.()
    throw new StartError(
      `PostgreSQL needs a name for the user ${user} that runs this node: add a line for it to /etc/passwd, or run as another`,
      { cause },
    )
  }
}

/** One that was told to end still tidies up. */
async function exited(child: ChildProcess): Promise<void> {
  const hasStarted = child.pid !== undefined
  if (hasStarted && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
