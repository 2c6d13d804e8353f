import { setTimeout as delay } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import { StartError } from '../shared/start-error.ts'
import { Database, type DatabaseOptions } from './database.ts'
import { migrations } from './migrations/index.ts'
import { isUnavailable } from './unavailable.ts'

/** Advisory lock of the node that migrates. */
const MIGRATION_LOCK = 7_270_002
/** For waiting until another node has migrated, and for one statement. */
const TIMEOUT_MS = 3_600_000
/** A database that is started together with the node gets this time. */
const PATIENCE_MS = 5_000
const RETRY_MS = 100

/**
 * Brings a database to this version's schema. Nodes may do it together: one works, the others wait.
 * @returns the names of the migrations that ran
 * @throws StartError when a later version has already changed the schema
 */
export async function migrate(options: DatabaseOptions): Promise<string[]> {
  const database = await Database.open({ ...options, poolConnections: 2, queryTimeoutMs: TIMEOUT_MS })
  try {
    return await migrateLocked(database)
  } finally {
    await database.close()
  }
}

async function migrateLocked(database: Database): Promise<string[]> {
  const client = await connect(database)
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

/** @throws StartError when the database cannot be reached */
async function connect(database: Database): Promise<PoolClient> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await database.pool.connect()
    } catch (cause) {
      if (!isUnavailable(cause) || performance.now() > deadline) {
        const reason = (cause as Error).message || (cause as NodeJS.ErrnoException).code
        throw new StartError(`The database ${database.name} cannot be reached: ${reason}`, { cause })
      }
      await delay(RETRY_MS)
    }
  }
}
