import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { StartError } from '../../shared/start-error.ts'
import { findPostmaster } from '../postmaster.ts'
import { USER } from '../postgres-folders.ts'
import { type BackupFolder, type BaseBackup } from './backup-folder.ts'
import { copyTree } from './copy-tree.ts'

/** Files beside the database that a restored server needs. */
export const BESIDE = ['master.key']

/** What PostgreSQL makes itself when it starts, or must not find (PostgreSQL documentation, 25.3.4). */
const EMPTIED =
  /^(?:pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/|(?:^|\/)pgsql_tmp/
const LEFT_OUT = /^(?:postmaster\.(?:pid|opts)|\.s\.PGSQL\..*|backup_label(?:\.old)?|recovery\.signal)$/

/**
 * Copies the embedded PostgreSQL of a data folder while it serves, and what belongs to it, by the low-level interface of
 * PostgreSQL (documentation, 25.3.4).
 * @throws StartError when no server runs there, or it does not archive its log of changes
 */
export async function takeBaseBackup(
  dataDir: string,
  folder: BackupFolder,
  onBytes: (bytes: number) => void = () => {},
): Promise<BaseBackup> {
  const server = await findPostmaster(join(dataDir, 'postgres'))
  if (server === undefined) throw new StartError(`No PostgreSQL runs in ${dataDir}: start the node, then back it up`)
  const client = new Client({ host: server.socketFolder, user: USER, database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query<{ archive_command: string }>('SHOW archive_command')
    if (rows[0]?.archive_command !== folder.archiveCommand) {
      throw new StartError(`The node does not archive to ${folder.path}: start it again with this BACKUP_DIR`)
    }
    const base = folder.newBase(new Date())
    await mkdir(base.folder, { recursive: true, mode: 0o700 })
    // At once, rather than when PostgreSQL would write all of its memory to disk anyway. It counts for this connection.
    await client.query(`SELECT pg_backup_start('parley', fast => true)`)
    const skips = (path: string): boolean => EMPTIED.test(path) || LEFT_OUT.test(path)
    await copyTree(join(dataDir, 'postgres'), join(base.folder, 'postgres'), { skips, onFile: onBytes })
    // Waits until the last piece of the log that this copy needs is archived.
    const stopped = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop()')
    await writeFile(join(base.folder, 'postgres', 'backup_label'), stopped.rows[0]?.labelfile ?? '', { mode: 0o600 })
    for (const name of BESIDE) await copyIfThere(join(dataDir, name), join(base.folder, name))
    await promisify(execFile)('sync', ['-f', base.folder])
    await writeFile(folder.completeFile(base), '')
    return base
  } finally {
    await client.end()
  }
}

/** Deletes all whole base backups but the newest ones, and what of the log only those needed. @returns what went */
export async function deleteOldBackups(folder: BackupFolder, keep: number): Promise<string[]> {
  const bases = await folder.list()
  const kept = bases.slice(-keep)
  const old = bases.slice(0, -keep)
  const [oldest] = kept
  if (oldest === undefined || old.length === 0) return []
  const needed = await firstSegment(oldest)
  for (const { folder: path } of old) await rm(path, { recursive: true })
  for (const name of await readdir(folder.wal)) {
    // The last 16 digits count pieces over all timelines; other names are histories of timelines, which are small.
    if (/^[0-9A-F]{24}/.test(name) && name.slice(8, 24) < needed.slice(8)) await rm(join(folder.wal, name))
  }
  return old.map(({ name }) => name)
}

/** The first piece of the log that the base backup needs. */
async function firstSegment(base: BaseBackup): Promise<string> {
  const label = await readFile(join(base.folder, 'postgres', 'backup_label'), 'utf8')
  const name = /^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)/m.exec(label)?.[1]
  if (name === undefined) throw new StartError(`${base.folder} holds no base backup that can be read`)
  return name
}

export async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
