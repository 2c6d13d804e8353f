import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { openArchive } from '../../src/storage/backup/backup-folder.ts'
import { StartError } from '../../src/shared/start-error.ts'

/** The PostgreSQL of a cluster on one machine: in DATA_DIR, until it is told to end. */
const MAX_CONNECTIONS = 300

const ending = new AbortController()
let end = (): void => ending.abort()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => end())

try {
  const dataDir = process.env['DATA_DIR'] ?? ''
  const onCrash = (): void => console.error('PostgreSQL ended: starting it again')
  const settings = await openArchive(process.env['BACKUP_DIR'])
  const { signal } = ending
  const postgres = await EmbeddedPostgres.start({ dataDir, maxConnections: MAX_CONNECTIONS, settings, signal, onCrash })
  end = () => void postgres.stop().then(() => process.exit(0))
  if (signal.aborted) end()
  else console.log(`PostgreSQL is ready on ${postgres.url}`)
} catch (error) {
  if (ending.signal.aborted) process.exit(0)
  if (!(error instanceof StartError)) throw error
  console.error(error.message)
  process.exit(1)
}
