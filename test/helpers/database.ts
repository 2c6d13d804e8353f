import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { Database } from '../../src/storage/database.ts'

/** Environment variable: URL of the PostgreSQL server that `test/run.ts` started. */
export const TEST_SERVER = 'PARLEY_TEST_SERVER'
/** Name of the migrated database that tests clone. */
export const TEMPLATE = 'template_parley'

/** What a test gives: a place for what must be undone after it. The last one given runs first. */
export interface Teardown {
  teardown(undo: () => unknown): void
}

/** @returns the URL of an empty, migrated database that only this test uses and that goes with it */
export async function createTestDatabase(t: Teardown): Promise<string> {
  return createDatabase(t, TEMPLATE)
}

/** @returns the URL of a database without any schema */
export async function createBareDatabase(t: Teardown): Promise<string> {
  return createDatabase(t, 'template1')
}

/** Sets the clock of a test's own database by so much ahead of the machine's; the other databases keep theirs. */
export async function turnDatabaseClock(url: string, aheadMs: number): Promise<void> {
  await queryDatabase(url, clockThatShows(`pg_catalog.clock_timestamp() + interval '${aheadMs} ms'`))
}

/** Stops it at a time, ms since 1970. */
export async function stopDatabaseClock(url: string, atMs: number): Promise<void> {
  await queryDatabase(url, clockThatShows(`to_timestamp(${atMs} / 1000.0)`))
}

/** Statements find this function before PostgreSQL's own: see `test/run.ts`. */
export function clockThatShows(time = 'pg_catalog.clock_timestamp()'): string {
  return `CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT ${time}$$`
}

/** An open {@link Database} on a database of its own. */
export async function openTestDatabase(t: Teardown): Promise<Database> {
  const database = await openDatabase(await createTestDatabase(t))
  t.teardown(() => database.close())
  return database
}

export function openDatabase(url: string): Promise<Database> {
  return Database.open({ url, poolConnections: 5, connectTimeoutMs: 20_000, queryTimeoutMs: 20_000 })
}

/** The rows of one statement, over a connection of its own. */
export async function queryDatabase<Row extends object>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query<Row>(text, [...values])).rows
  } finally {
    await client.end()
  }
}

async function createDatabase(t: Teardown, template: string): Promise<string> {
  const server = process.env[TEST_SERVER]
  if (server === undefined) throw new Error('Run tests by: npm test -- FILES')
  const name = `test_${randomBytes(8).toString('hex')}`
  await execute(server, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`)
  // Teardown runs in reverse order: what was opened on it is closed by then, or cut.
  t.teardown(() => execute(server, `DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function execute(server: string, statement: string): Promise<void> {
  const client = new Client(server)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
