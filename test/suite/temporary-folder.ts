import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system in memory, on Linux. */
const MEMORY = '/dev/shm'
/** What the databases of a run take at most, twice over. */
const ENOUGH_BYTES = 4 * 1024 ** 3
const PREFIX = 'parley-suite-'

/** The folder for all temporary files of a run, which go with it: in memory where there is room, since no test needs a disk. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async create(): Promise<TemporaryFolder> {
    const parent = (await hasRoom(MEMORY)) ? MEMORY : tmpdir()
    await removeLeftOver(parent)
    const path = await mkdtemp(join(parent, `${PREFIX}${process.pid}-`))
    // The user of PostgreSQL must pass when the tests run as root.
    await chmod(path, 0o1777)
    return new TemporaryFolder(path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function hasRoom(path: string): Promise<boolean> {
  const found = await statfs(path).catch(() => undefined)
  return found !== undefined && found.bavail * found.bsize >= ENOUGH_BYTES
}

/** Of runs that were killed. */
async function removeLeftOver(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !runs(Number(pid))) await rm(join(parent, name), { recursive: true, force: true })
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
