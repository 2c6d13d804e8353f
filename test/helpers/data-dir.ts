import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Teardown } from './database.ts'

const run = promisify(execFile)

/** Environment variable: a data folder with the migrated database of a node that ended, made by `test/run.ts`. */
export const TEST_DATA = 'PARLEY_TEST_DATA'

/** @returns the path of a data folder that goes with the test, and that the user of PostgreSQL may pass */
export async function createFolder(t: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-data-'))
  // The server's own user must pass when the tests run as root.
  await chmod(folder, 0o711)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The same, with a database: see {@link fillDataDir}. */
export async function createDataDir(t: Teardown): Promise<string> {
  const folder = await createFolder(t)
  await fillDataDir(folder)
  return folder
}

/**
 * Gives a data folder the database that a node would make there at its first start: copying one takes a tenth of making
 * one. Outside of `npm test` it does nothing, and the node makes its own.
 */
export async function fillDataDir(dataDir: string): Promise<void> {
  const source = process.env[TEST_DATA]
  if (source === undefined) return
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  await copyDatabase(source, dataDir)
}

/** Copies the files of a PostgreSQL that does not run, with their owner. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  await run('cp', ['-a', join(from, 'postgres'), to])
}
