import '../../src/shared/clean-environment.ts'
import { Command } from 'commander'
import { parseConfig } from '../../config/config.ts'
import { readEnv } from '../../config/env.ts'
import { StartError } from '../../src/shared/start-error.ts'
import { BackupFolder, type BaseBackup } from '../../src/storage/backup/backup-folder.ts'
import { noteRestore } from '../../src/storage/backup/note-restore.ts'
import { restoreBackup } from '../../src/storage/backup/restore-backup.ts'
import { ByteCounter } from './byte-counter.ts'
import { time } from './options.ts'

interface RestoreArguments {
  readonly until?: Date
  readonly note?: Date
}

const program = new Command('npm run restore --')
  .description(
    'Makes DATA_DIR, which must hold no database, of the copies and the log in BACKUP_DIR. The node must not run. ' +
      'Afterwards apps send again what was taken later and has not arrived.',
  )
  .option('--until <time>', 'as it was then (default: as new as the log goes), such as 2026-11-28T21:30:00Z', time)
  .option(
    '--note <time>',
    'only tell the databases of DATABASE_URLS that they were restored to that time, by other means, so that apps hear of it',
    time,
  )
  .action(main)

async function main({ until, note }: RestoreArguments): Promise<void> {
  const { storage, secrets } = parseConfig(readEnv())
  if (note !== undefined) {
    if (secrets.databaseUrls === undefined)
      throw new StartError('Set DATABASE_URLS to the databases that were restored')
    for (const url of secrets.databaseUrls) await noteRestore(url, note)
    return void process.stdout.write(`Apps will send again what was taken after ${note.toISOString()}\n`)
  }
  if (storage.backupDir === undefined) throw new StartError('Set BACKUP_DIR, as the node had it')
  const folder = new BackupFolder(storage.backupDir)
  const base = chooseBase(await folder.list(), until, storage.backupDir)
  const counter = new ByteCounter('Copied', process.stderr)
  const onBytes = (bytes: number): void => counter.add(bytes)
  process.stdout.write(`Restoring the copy of ${base.begunAt.toISOString()}, and then the log after it…\n`)
  const at = await restoreBackup({ folder, base, dataDir: storage.dataDir, until, onBytes })
  counter.end()
  process.stdout.write(
    `${storage.dataDir} is as it was at ${at.toISOString()}: start the node.\n` +
      'What it had taken later is lost here; apps that are told so when they connect send it again.\n',
  )
}

/** The newest that was begun by then. */
function chooseBase(bases: readonly BaseBackup[], until: Date | undefined, path: string): BaseBackup {
  const base = bases.findLast(({ begunAt }) => until === undefined || begunAt <= until)
  if (base === undefined) {
    throw new StartError(`There is no whole back-up${until === undefined ? '' : ' of that time'} in ${path}`)
  }
  return base
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
