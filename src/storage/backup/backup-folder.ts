import { chown, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../../shared/start-error.ts'
import { findServerUser, type ServerUser } from '../postgres-binaries.ts'

/** A copy of all that a server keeps, whole when its log of changes is read on from there. */
export interface BaseBackup {
  /** Of its folder: the time when it was begun. */
  readonly name: string
  readonly begunAt: Date
  readonly folder: string
}

/** Written last: a base backup without it was broken off. */
const COMPLETE = 'complete'

/**
 * Where back-ups are: `base/<time>/` for each base backup, and `wal/` for PostgreSQL's log of changes, which every base
 * backup shares.
 */
export class BackupFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  get wal(): string {
    return join(this.path, 'wal')
  }

  /** Makes what is missing, so that PostgreSQL's own user can write to it. @throws StartError */
  async prepare(ids: ServerUser | undefined): Promise<void> {
    try {
      await mkdir(join(this.path, 'base'), { recursive: true, mode: 0o711 })
      await mkdir(this.wal, { recursive: true, mode: 0o700 })
      if (ids !== undefined) await chown(this.wal, ids.uid, ids.gid)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      throw new StartError(`BACKUP_DIR: cannot write to the folder ${this.path} (${code ?? String(cause)})`, { cause })
    }
  }

  /**
   * What PostgreSQL runs for each finished piece of its log, which is then whole under its name, or not there at all.
   * Compressed, since a piece that is finished by the time and not by its fill is mostly empty.
   */
  get archiveCommand(): string {
    const [kept, part] = [`'${this.wal}/%f.gz'`, `'${this.wal}/%f.part'`]
    const isSame = `gzip -dc ${kept} | cmp -s - '%p'`
    const keep = `gzip -1 < '%p' > ${part} && sync ${part} && mv ${part} ${kept}`
    return `if [ -e ${kept} ]; then ${isSame}; else ${keep}; fi`
  }

  /** Settings of a server that archives here: what is lost with its disk is a minute at most. */
  get archiving(): Readonly<Record<string, string>> {
    return { archive_mode: 'on', archive_command: this.archiveCommand, archive_timeout: '60s' }
  }

  /** The other way. */
  get restoreCommand(): string {
    return `gzip -dc '${this.wal}/%f.gz' > '%p'`
  }

  /** A place for a new base backup. */
  newBase(at: Date): BaseBackup {
    return this.#base(at.toISOString().replaceAll(':', '-'))
  }

  completeFile(base: BaseBackup): string {
    return join(base.folder, COMPLETE)
  }

  /** Those that are whole, the oldest first. */
  async list(): Promise<BaseBackup[]> {
    const names = await readdir(join(this.path, 'base')).catch(() => [])
    const bases = names.sort().map((name) => this.#base(name))
    const whole = await Promise.all(
      bases.map((base) =>
        stat(this.completeFile(base)).then(
          () => true,
          () => false,
        ),
      ),
    )
    return bases.filter((_, index) => whole[index])
  }

  #base(name: string): BaseBackup {
    const begunAt = new Date(name.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:'))
    return { name, begunAt, folder: join(this.path, 'base', name) }
  }
}

/** The settings of a server whose log goes to this folder, which is made. undefined: it goes nowhere. @throws StartError */
export async function openArchive(path: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (path === undefined) return {}
  const folder = new BackupFolder(path)
  await folder.prepare(await findServerUser())
  return folder.archiving
}
