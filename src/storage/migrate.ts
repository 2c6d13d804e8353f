import { setTimeout as delay } from 'node:timers/promises'
import { Migrator } from '@mikro-orm/migrations'
import { MikroORM } from '@mikro-orm/postgresql'
import type { PoolClient } from 'pg'
import { StartError } from '../shared/start-error.ts'
import { connectionOptions, Database, type DatabaseOptions } from './database.ts'
import { books } from './migrations/index.ts'
import { levelOf, type MigrationBook, oldestLevelFor } from './migrations/migration-book.ts'
import { isUnavailable } from './unavailable.ts'

/** Advisory lock of the node that migrates. */
const MIGRATION_LOCK = 7_270_002
/** For waiting until another node has migrated, and for one statement. */
const TIMEOUT_MS = 3_600_000
/** A database that is started together with the node gets this time. */
const PATIENCE_MS = 5_000
const RETRY_MS = 100
/** How often a start that waits says so. */
const TELL_MS = 3_000

/**
 * Brings a database to this version's schema. Nodes may do it together: one works, the others wait. What a later version
 * has changed is left as it is.
 * @param onWait - it takes long, and why: said every three seconds
 * @returns the names of the migrations that ran
 * @throws StartError when a later version has changed what this one needs
 */
export async function migrate(options: DatabaseOptions, onWait: (what: string) => void = () => {}): Promise<string[]> {
  const database = await Database.open({ ...options, poolConnections: 1, queryTimeoutMs: TIMEOUT_MS })
  try {
    const client = await connect(database)
    try {
      const lock = client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
      await telling(lock, () => onWait(`${database.name}: another node changes its schema`))
      const ran: string[] = []
      for (const book of books) {
        const run = runBook(book, database.name, options)
        ran.push(...(await telling(run, () => onWait(`${database.name}: its schema is being changed`))))
      }
      return ran
    } finally {
      // The lock goes with the connection.
      client.release(true)
    }
  } finally {
    await database.close()
  }
}

/** The same; as long as it goes on, something is told every three seconds. */
async function telling<Result>(work: Promise<Result>, tell: () => void): Promise<Result> {
  const timer = setInterval(tell, TELL_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}

async function runBook(book: MigrationBook, database: string, options: DatabaseOptions): Promise<string[]> {
  const orm = await MikroORM.init({
    ...connectionOptions({ ...options, queryTimeoutMs: TIMEOUT_MS }, 1),
    extensions: [Migrator],
    migrations: { migrationsList: [...book.migrations], tableName: book.table, snapshot: false, silent: true },
    discovery: { warnWhenNoEntities: false },
  })
  try {
    const executed = await orm.migrator.getExecuted()
    requireKnown(
      executed.map(({ name }) => name),
      database,
    )
    const ran = await orm.migrator.up()
    return ran.map(({ name }) => name)
  } finally {
    await orm.close(true)
  }
}

/** @throws StartError when a migration that this version does not know asks for a later version than this one */
function requireKnown(executed: readonly string[], database: string): void {
  const known = new Set(books.flatMap(({ migrations }) => migrations.map(({ name }) => name)))
  const level = Math.max(...[...known].map(levelOf))
  const barring = executed.filter((name) => !known.has(name) && !(oldestLevelFor(name) <= level))
  if (barring.length === 0) return
  throw new StartError(
    `The database ${database} has a newer schema than this version of Parley can run on (${barring.join(', ')}): ` +
      'start the newer version',
  )
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
