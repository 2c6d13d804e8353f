import { StartError } from '../shared/start-error.ts'
import type { Database } from './database.ts'
import { migrations } from './migrations/index.ts'

/** Advisory lock of the node that migrates. */
const MIGRATION_LOCK = 7_270_002

/**
 * Brings a database to this version's schema. Nodes may do it together: one works, the others wait.
 * @returns the names of the migrations that ran
 * @throws StartError when a later version has already changed the schema
 */
export async function migrate(database: Database): Promise<string[]> {
  const client = await database.pool.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    try {
      const executed = await database.orm.migrator.getExecuted()
      const known = new Set(migrations.map(({ name }) => name))
      const unknown = executed.map(({ name }) => name).filter((name) => !known.has(name))
      if (unknown.length > 0) {
        throw new StartError(
          `The database ${database.name} has a newer schema than this version of Parley knows (${unknown.join(', ')}): ` +
            'start the newer version',
        )
      }
      const ran = await database.orm.migrator.up()
      return ran.map(({ name }) => name)
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK])
    }
  } finally {
    client.release()
  }
}
