import '../../src/shared/clean-environment.ts'
import { Command } from 'commander'
import { hex } from '../../client/crypto/bytes.ts'
import { masterKeyId } from '../../client/crypto/hosted/master-key.ts'
import { parseConfig } from '../../config/config.ts'
import { readEnv } from '../../config/env.ts'
import { loadMasterKeys } from '../../src/api/hosted/load-master-keys.ts'
import type { MasterKeys } from '../../src/api/hosted/master-keys.ts'
import { StartError } from '../../src/shared/start-error.ts'
import { Database } from '../../src/storage/database.ts'
import { databaseName } from '../../src/storage/database-name.ts'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { countKeyBoxes } from '../../src/storage/key-boxes.ts'
import { openShards } from '../../src/storage/open-shards.ts'
import { rotateAll } from './rotate.ts'
import type { RotationReport } from './rotate.ts'

/** SQLSTATE: there is no such table. */
const NO_TABLE = '42P01'
const QUERY_TIMEOUT_MS = 60_000

const program = new Command('npm run keys:rotate')
  .description(
    'Brings the keys of all hosted devices under the first key of MASTER_KEY, with new data keys, and seals all that ' +
      'the devices keep anew. Nodes go on meanwhile; they must all have this first key already. It may be broken off ' +
      'and started again. An embedded PostgreSQL must not be in use: stop its node first.',
  )
  .action(main)

async function main(): Promise<void> {
  await using opened = new AsyncDisposableStack()
  const { secrets, storage } = parseConfig(readEnv())
  const dataDir = secrets.databaseUrls === undefined ? storage.dataDir : undefined
  const urls = secrets.databaseUrls ?? [await startPostgres(storage.dataDir, opened)]
  const databases: Database[] = []
  for (const url of urls) {
    const database = await Database.open({ ...storage, queryTimeoutMs: QUERY_TIMEOUT_MS, url })
    opened.defer(() => database.close())
    await requireSchema(database, url)
    databases.push(database)
  }
  const masterKeys = await loadMasterKeys({ configured: secrets.masterKeys, dataDir }, () => undefined)
  if (masterKeys === undefined) throw new StartError('Set MASTER_KEY, as the nodes have it')
  const { shards, watch } = await openShards(databases, { slotsChanged: () => {}, taskFailed: () => {} })
  opened.defer(() => watch.close())

  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
  const report = await rotateAll({ shards, masterKeys, signal: stopping.signal })
  const lines = [...describeReport(report, stopping.signal.aborted), ...(await describeBoxes(databases, masterKeys))]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (report.locked + report.skipped > 0 || stopping.signal.aborted) process.exitCode = 1
}

async function startPostgres(dataDir: string, opened: AsyncDisposableStack): Promise<string> {
  const postgres = await EmbeddedPostgres.start({ dataDir })
  opened.defer(() => postgres.stop())
  return postgres.url
}

async function requireSchema({ pool, name }: Database, url: string): Promise<void> {
  try {
    await pool.query('SELECT FROM hosted_key_boxes LIMIT 1')
  } catch (cause) {
    if ((cause as { code?: unknown }).code === NO_TABLE) {
      throw new StartError(`The database ${name} has no schema of this version: start a node with it first`, { cause })
    }
    const reason = (cause as Error).message || (cause as NodeJS.ErrnoException).code
    throw new StartError(`The database ${databaseName(url)} cannot be reached: ${reason}`, { cause })
  }
}

function describeReport({ devices, records, damaged, locked, skipped }: RotationReport, stopped: boolean): string[] {
  return [
    `New data keys for ${devices} ${devices === 1 ? 'device' : 'devices'}: ${records} records sealed anew.`,
    ...(damaged > 0 ? [`${damaged} damaged records could not be opened, and stay as they are.`] : []),
    ...(locked > 0
      ? [`${locked} devices are under a master key that MASTER_KEY does not have, or their key box is damaged.`]
      : []),
    ...(skipped > 0 ? [`${skipped} devices could not be reached: run this again.`] : []),
    ...(stopped ? ['Stopped before the end: run this again.'] : []),
  ]
}

/** Which master keys are in use: the others may go. */
async function describeBoxes(databases: readonly Database[], masterKeys: MasterKeys): Promise<string[]> {
  const counts = new Map<string, number>()
  for (const { pool } of databases) {
    for (const { masterKeyId: id, boxes } of await countKeyBoxes(pool)) {
      counts.set(hex(id), (counts.get(hex(id)) ?? 0) + boxes)
    }
  }
  const first = hex(masterKeyId(masterKeys.first))
  const used = [...counts].map(([id, boxes]) => `${boxes} under ${id}${id === first ? ' (the first)' : ''}`)
  return [`Key boxes: ${used.length === 0 ? 'none' : used.join(', ')}.`]
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
