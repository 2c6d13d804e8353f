import { chown, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../../shared/start-error.ts'
import { EmbeddedPostgres } from '../embedded-postgres.ts'
import { findServerUser } from '../postgres-binaries.ts'
import { prepareFolder } from '../postgres-folders.ts'
import { queryOnce } from './query-once.ts'
import type { BackupFolder, BaseBackup } from './backup-folder.ts'
import { BESIDE, copyIfThere } from './base-backup.ts'
import { copyTree } from './copy-tree.ts'
import { noteRestore } from './note-restore.ts'

export interface RestoreOptions {
  readonly folder: BackupFolder
  readonly base: BaseBackup
  /** Must hold no database yet. */
  readonly dataDir: string
  /** Up to then; absent: as far as the log goes. */
  readonly until?: Date | undefined
  readonly onBytes?: (bytes: number) => void
}

/** At least that of the server which was backed up, else PostgreSQL does not start. */
const MAX_CONNECTIONS = 300

/**
 * Makes a data folder of a base backup and the log after it, and writes into the database from when on things are lost.
 * @returns that time
 * @throws StartError when there is a database already, or PostgreSQL finds the back-up not whole
 */
export async function restoreBackup({ folder, base, dataDir, until, onBytes }: RestoreOptions): Promise<Date> {
  const target = join(dataDir, 'postgres')
  if (await exists(target)) throw new StartError(`There is a database in ${dataDir} already: move that folder away`)
  const owner = await findServerUser()
  await prepareFolder(dataDir, owner)
  const draft = `${target}.restored`
  await rm(draft, { recursive: true, force: true })
  await copyTree(join(base.folder, 'postgres'), draft, { owner, ...(onBytes && { onFile: onBytes }) })
  const signal = join(draft, 'recovery.signal')
  await writeFile(signal, '', { mode: 0o600 })
  if (owner !== undefined) await chown(signal, owner.uid, owner.gid)
  for (const name of BESIDE) await copyIfThere(join(base.folder, name), join(dataDir, name))
  await rename(draft, target)
  return replay(folder, base, dataDir, until)
}

async function replay(folder: BackupFolder, base: BaseBackup, dataDir: string, until?: Date): Promise<Date> {
  const postgres = await EmbeddedPostgres.start({
    dataDir,
    maxConnections: MAX_CONNECTIONS,
    settings: {
      restore_command: folder.restoreCommand,
      // Nobody reads a half.
      hot_standby: 'off',
      recovery_target_action: 'promote',
      ...(until === undefined ? {} : { recovery_target_time: until.toISOString() }),
    },
  })
  try {
    const { at } = await queryOnce<{ at: Date }>(
      postgres.url,
      'SELECT coalesce(pg_last_xact_replay_timestamp(), $1) AS at',
      [base.begunAt],
    )
    await noteRestore(postgres.url, at)
    return at
  } finally {
    await postgres.stop()
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
