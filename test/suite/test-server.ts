import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { clockThatShows, TEMPLATE } from '../helpers/database.ts'

const MAX_CONNECTIONS = 300

/** The PostgreSQL server whose migrated template the tests clone, and that goes with the suite. */
export class TestServer implements AsyncDisposable {
  readonly #postgres: EmbeddedPostgres
  readonly #dataDir: string

  private constructor(postgres: EmbeddedPostgres, dataDir: string) {
    this.#postgres = postgres
    this.#dataDir = dataDir
  }

  static async start(): Promise<TestServer> {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-test-'))
    const server = new TestServer(await EmbeddedPostgres.start({ dataDir, maxConnections: MAX_CONNECTIONS }), dataDir)
    await server.#prepare()
    return server
  }

  get url(): string {
    return this.#postgres.url
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#postgres.stop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }

  async #prepare(): Promise<void> {
    const admin = new Client(this.url)
    await admin.connect()
    // No test ends this server, and nothing of it outlives the suite: it need not wait for the disk.
    await admin.query('ALTER SYSTEM SET fsync = off')
    await admin.query('ALTER SYSTEM SET full_page_writes = off')
    await admin.query('SELECT pg_reload_conf()')
    // So that a test can turn the clock of its own database: see `turnDatabaseClock`.
    await admin.query('ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog')
    await admin.query(`CREATE DATABASE ${TEMPLATE}`)
    await admin.end()
    const url = this.#postgres.urlOf(TEMPLATE)
    await migrate({ url, poolConnections: 2, connectTimeoutMs: 5_000, queryTimeoutMs: 30_000 })
    const template = new Client(url)
    await template.connect()
    await template.query(clockThatShows())
    await template.end()
  }
}
