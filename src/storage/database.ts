import { type EntityManager, MikroORM, type Options } from '@mikro-orm/postgresql'
import { Pool, type PoolConfig } from 'pg'
import { databaseName } from './database-name.ts'
import { Device } from './entities/device.ts'
import { User } from './entities/user.ts'
import { reclaimLostConnections } from './lost-connections.ts'

/** How long a transaction of a hosted device waits for another one of the same device. */
const HOSTED_LOCK_TIMEOUT_MS = 5_000
/** How long any transaction may do nothing: the locks of a node that stands still would hold up the others for good. */
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000

export interface DatabaseOptions {
  readonly url: string
  readonly poolConnections: number
  readonly connectTimeoutMs: number
  /** After it the caller gives up; the server is not told. */
  readonly queryTimeoutMs: number
  /** The database said something that no query asked for, such as the loss of an idle connection. */
  readonly onWarning?: (message: string) => void
}

/** One PostgreSQL database: an ORM for units of work, its pool for raw SQL. */
export class Database {
  readonly name: string
  readonly orm: MikroORM
  /** The ORM's own pool. */
  readonly pool: Pool
  readonly #options: DatabaseOptions

  private constructor(options: DatabaseOptions, orm: MikroORM, pool: Pool) {
    this.#options = options
    this.orm = orm
    this.pool = pool
    this.name = databaseName(options.url)
  }

  /** Makes no connection yet: the first query does. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const orm = await MikroORM.init({
      ...connectionOptions(options, options.poolConnections),
      entities: [User, Device],
    })
    const pool = await orm.em.getConnection().getNativeClient()
    reclaimLostConnections(pool)
    return new Database(options, orm, pool)
  }

  /** An identity map of its own, for one unit of work. */
  fork(): EntityManager {
    return this.orm.em.fork()
  }

  /**
   * Connections of their own for statements that must keep one plan, whatever the statistics say: generic, by the
   * primary key, as nested loops. The caller ends the pool.
   */
  createJournalPool(connections: number): Pool {
    return this.#createPlannedPool(connections, {}, [])
  }

  /**
   * The same for the stores of hosted devices, whose statements go out without a wait for the answers to those before.
   * Who waits for another node's transaction does not wait for long.
   */
  createHostedPool(connections: number): Pool {
    const settings = [`lock_timeout=${HOSTED_LOCK_TIMEOUT_MS}`]
    return this.#createPlannedPool(connections, { pipeline: true }, settings)
  }

  #createPlannedPool(connections: number, config: PoolConfig, more: readonly string[]): Pool {
    const settings = [
      'plan_cache_mode=force_generic_plan',
      'enable_hashjoin=off',
      'enable_mergejoin=off',
      'enable_seqscan=off',
      'jit=off',
      ...more,
    ]
    const pool = new Pool({
      ...poolConfig(this.#options, connections),
      ...config,
      options: settings.map((setting) => `-c ${setting}`).join(' '),
    })
    // Without a listener the loss of an idle connection would end the process.
    pool.on('error', (error) => this.#options.onWarning?.(error.message))
    return pool
  }

  async close(): Promise<void> {
    await this.orm.close(true)
    // An ORM that was never used leaves it open.
    if (!this.pool.ending) await this.pool.end()
  }
}

/** How an ORM reaches the database. */
export function connectionOptions(options: DatabaseOptions, connections: number): Options {
  return {
    dbName: URL.parse(options.url)?.pathname.slice(1) || 'postgres',
    driverOptions: poolConfig(options, connections),
    metadataCache: { enabled: false },
    ensureDatabase: false,
    debug: false,
    logger: (message) => options.onWarning?.(message),
  }
}

function poolConfig(options: DatabaseOptions, connections: number): PoolConfig {
  return {
    connectionString: options.url,
    max: connections,
    min: 0,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: options.connectTimeoutMs,
    query_timeout: options.queryTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'parley',
  }
}
