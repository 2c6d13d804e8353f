import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { EmbeddedPostgres } from '../src/storage/embedded-postgres.ts'
import { migrate } from '../src/storage/migrate.ts'
import { clockThatShows, TEMPLATE, TEST_SERVER } from './helpers/database.ts'

/** Runs AVA, with the arguments given, beside one PostgreSQL server whose migrated template each test file clones. */
const dataDir = await mkdtemp(join(tmpdir(), 'parley-test-'))
const postgres = await EmbeddedPostgres.start({ dataDir, maxConnections: 300 })
let exitCode = 1
try {
  await prepareTemplate(postgres.urlOf(TEMPLATE))
  // The program of Node that runs this, and not the first on the PATH.
  const ava = spawn(process.execPath, ['node_modules/.bin/ava', ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, [TEST_SERVER]: postgres.url },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ava.kill(signal))
  const [code] = (await once(ava, 'exit')) as [number | null]
  exitCode = code ?? 1
} finally {
  await postgres.stop()
  await rm(dataDir, { recursive: true, force: true })
}
process.exit(exitCode)

async function prepareTemplate(url: string): Promise<void> {
  const admin = new Client(postgres.url)
  await admin.connect()
  await admin.query(`CREATE DATABASE ${TEMPLATE}`)
  // So that a test can turn the clock of its own database: see `turnDatabaseClock`.
  await admin.query('ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog')
  await admin.end()
  await migrate({ url, poolConnections: 2, connectTimeoutMs: 5_000, queryTimeoutMs: 30_000 })
  const template = new Client(url)
  await template.connect()
  await template.query(clockThatShows())
  await template.end()
}
