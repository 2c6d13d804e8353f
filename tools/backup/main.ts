import '../../src/shared/clean-environment.ts'
import { Command } from 'commander'
import { parseConfig } from '../../config/config.ts'
import { readEnv } from '../../config/env.ts'
import { StartError } from '../../src/shared/start-error.ts'
import { BackupFolder } from '../../src/storage/backup/backup-folder.ts'
import { deleteOldBackups, takeBaseBackup } from '../../src/storage/backup/base-backup.ts'
import { ByteCounter } from './byte-counter.ts'
import { wholeNumber } from './options.ts'

const KEEP = 7

const program = new Command('npm run backup --')
  .description(
    'Copies the embedded PostgreSQL of a running node, with its master key, from DATA_DIR to BACKUP_DIR. With the log of ' +
      'changes that the node archives there, it can be restored to any time after this copy.',
  )
  .option('--keep <number>', 'how many such copies stay; older ones go', wholeNumber, KEEP)
  .action(main)

async function main({ keep }: { keep: number }): Promise<void> {
  const { storage } = parseConfig(readEnv())
  if (storage.backupDir === undefined) throw new StartError('Set BACKUP_DIR, as the node has it')
  const folder = new BackupFolder(storage.backupDir)
  const counter = new ByteCounter('Copied', process.stderr)
  const base = await takeBaseBackup(storage.dataDir, folder, (bytes) => counter.add(bytes))
  counter.end()
  process.stdout.write(`The back-up is in ${base.folder}: ${counter.text}\n`)
  for (const name of await deleteOldBackups(folder, keep)) process.stdout.write(`Deleted the older one of ${name}\n`)
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
