import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { copyDatabase } from '../helpers/data-dir.ts'
import { clockThatShows, TEMPLATE } from '../helpers/database.ts'

const MAX_CONNECTIONS = 300

/** The PostgreSQL server whose migrated template the tests clone, and that goes with the suite. */
export class TestServer implements AsyncDisposable {
  /** A data folder with a migrated database in which no server runs, to be copied. */
  readonly dataDir: string
  readonly #folder: string
  readonly #postgres: EmbeddedPostgres

  private constructor(folder: string, dataDir: string, postgres: EmbeddedPostgres) {
    this.#folder = folder
    this.dataDir = dataDir
    this.#postgres = postgres
  }

  static async start(): Promise<TestServer> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-test-'))
    // The server's own user must pass when the tests run as root.
    await chmod(folder, 0o711)
    const [prepared, own] = [join(folder, 'prepared'), join(folder, 'own')]
    for (const dataDir of [prepared, own]) await mkdir(dataDir, { mode: 0o711 })
    await makeDatabase(prepared)
    await copyDatabase(prepared, own)
    const postgres = await EmbeddedPostgres.start({ dataDir: own, maxConnections: MAX_CONNECTIONS })
    const server = new TestServer(folder, prepared, postgres)
    await server.#prepare()
    return server
  }

  get url(): string {
    return this.#postgres.url
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#postgres.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #prepare(): Promise<void> {
    const admin = new Client(this.#postgres.urlOf('postgres'))
    await admin.connect()
    // No test ends this server, and nothing of it outlives the suite: it need not wait for the disk.
    await admin.query('ALTER SYSTEM SET fsync = off')
    await admin.query('ALTER SYSTEM SET full_page_writes = off')
    await admin.query('SELECT pg_reload_conf()')
    // So that a test can turn the clock of its own database: see `turnDatabaseClock`.
    await admin.query('ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog')
    await admin.query(`CREATE DATABASE ${TEMPLATE} TEMPLATE parley`)
    await admin.end()
    const template = new Client(this.#postgres.urlOf(TEMPLATE))
    await template.connect()
    await template.query(clockThatShows())
    await template.end()
  }
}

async function makeDatabase(dataDir: string): Promise<void> {
  const postgres = await EmbeddedPostgres.start({ dataDir })
  await migrate({ url: postgres.url, poolConnections: 2, connectTimeoutMs: 5_000, queryTimeoutMs: 30_000 })
  await postgres.stop()
}
