import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { openArchive } from '../../src/storage/backup/backup-folder.ts'
import { StartError } from '../../src/shared/start-error.ts'

/** The PostgreSQL of a cluster on one machine: in DATA_DIR, until it is told to end. */
const MAX_CONNECTIONS = 300

try {
  const dataDir = process.env['DATA_DIR'] ?? ''
  const onCrash = (): void => console.error('PostgreSQL ended: starting it again')
  const settings = await openArchive(process.env['BACKUP_DIR'])
  const postgres = await EmbeddedPostgres.start({ dataDir, maxConnections: MAX_CONNECTIONS, settings, onCrash })
  const stop = (): void => void postgres.stop().then(() => process.exit(0))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop)
  console.log(`PostgreSQL is ready on ${postgres.url}`)
} catch (error) {
  if (!(error instanceof StartError)) throw error
  console.error(error.message)
  process.exit(1)
}
