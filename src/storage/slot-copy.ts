import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { ClientBase } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { UserTable } from './slot-tables.ts'

/** Source and target differ after a copy. */
class SlotCopyError extends Error {
  override readonly name = 'SlotCopyError'
}

export interface CopyListener {
  /** So many bytes of this table have been copied since the last call. */
  copied(table: string, bytes: number): void
}

/** Both have the setting `parley.moving`, by which the guard lets them pass. */
export interface CopyEnds {
  readonly source: ClientBase
  readonly target: ClientBase
  /** Those that others refer to first. */
  readonly tables: readonly UserTable[]
  readonly slots: readonly number[]
}

/**
 * Copies all rows of the slots as they are at one moment, and compares. The target has none of them before. Reads the
 * tables of the source through, since no index knows slots.
 * @returns how many rows
 */
export async function copySlots(ends: CopyEnds, listener: CopyListener): Promise<number> {
  const { source, target, tables, slots } = ends
  const isOfSlots = `slot_of(user_id) IN (${slots.join(', ')})`
  return atOnce(ends, async () => {
    let rows = 0
    for (const table of tables) {
      const { name } = table
      await copyRows(ends, `SELECT ${columnsOf(table)} FROM ${name} WHERE ${isOfSlots}`, name, table, listener)
      const compared = `FROM ${name} t WHERE ${isOfSlots}`
      const [there, here] = await Promise.all([checksum(source, table, compared), checksum(target, table, compared)])
      requireSame(table, there, here)
      rows += here.count
    }
    return rows
  })
}

/**
 * Brings what the log of changes names up to date in the target, and compares it.
 * @returns how many keys the log had
 */
export async function copyChanges(ends: CopyEnds, listener: CopyListener): Promise<number> {
  const { source, target, tables } = ends
  return atOnce(ends, async () => {
    // The statistics of tables that are mostly empty would suggest to read them through.
    for (const client of [source, target]) {
      await client.query('SET LOCAL enable_seqscan = off')
      await client.query('SET LOCAL enable_hashjoin = off')
      await client.query('SET LOCAL enable_mergejoin = off')
    }
    const { rows } = await source.query<{ relation: string; keys: readonly (readonly string[])[] }>(
      'SELECT relation, json_agg(DISTINCT key) AS keys FROM slot_changes GROUP BY relation',
    )
    const changed = new Map(rows.map(({ relation, keys }) => [relation, keys]))
    const touched = tables.filter(({ name }) => changed.has(name))
    for (const table of touched) await stageChanges(ends, table, changed.get(table.name)!, listener)
    for (const table of touched.toReversed()) await target.query(deleteGone(table))
    for (const table of touched) {
      await target.query(putStaged(table))
      const compared = `FROM ${keysOf(table)} k JOIN ${table.name} t USING (${keyNames(table)})`
      const [there, here] = await Promise.all([checksum(source, table, compared), checksum(target, table, compared)])
      requireSame(table, there, here)
    }
    // The snapshot sees the rows of the log that it has dealt with, and no later one.
    await source.query('DELETE FROM slot_changes')
    return [...changed.values()].reduce((sum, keys) => sum + keys.length, 0)
  })
}

/**
 * Deletes all rows of the slots, some at a time.
 * @returns how many
 */
export async function deleteSlots(
  client: ClientBase,
  tables: readonly UserTable[],
  slots: readonly number[],
): Promise<number> {
  let deleted = 0
  for (const table of tables.toReversed()) {
    const found = await client.query<{ user_id: string }>(
      `SELECT DISTINCT user_id FROM ${table.name} WHERE slot_of(user_id) IN (${slots.join(', ')})`,
    )
    const users = found.rows.map(({ user_id: user }) => user)
    // A LIMIT would suggest to read the table through for every part.
    await client.query('SET enable_seqscan = off')
    while (users.length > 0) {
      const some = users.splice(0, DELETE_USERS)
      for (let count = DELETE_ROWS; count === DELETE_ROWS;) {
        count = (await client.query(deleteSome(table), [some])).rowCount ?? 0
        deleted += count
      }
    }
    await client.query('RESET enable_seqscan')
  }
  return deleted
}

const DELETE_USERS = 500
const DELETE_ROWS = 5_000

/** Reads the source at one moment and writes the target in one transaction. */
async function atOnce<Answer>({ source, target }: CopyEnds, work: () => Promise<Answer>): Promise<Answer> {
  await source.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await target.query('BEGIN')
  try {
    const answer = await work()
    // In this order: what is done twice does no harm.
    await target.query('COMMIT')
    await source.query('COMMIT')
    return answer
  } catch (error) {
    await Promise.allSettled([target.query('ROLLBACK'), source.query('ROLLBACK')])
    throw error
  }
}

async function copyRows(
  { source, target }: CopyEnds,
  query: string,
  into: string,
  table: UserTable,
  listener: CopyListener,
): Promise<void> {
  const rows = source.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`))
  const sink = target.query(copyFrom(`COPY ${into} (${columnsOf(table)}) FROM STDIN (FORMAT binary)`))
  await pump(rows, sink, (bytes) => listener.copied(table.name, bytes))
}

/**
 * Passes all that comes on. After a failure the rest is read all the same, and dropped: a COPY that nobody reads to its
 * end would leave its connection of no more use, not even to give a frozen slot back.
 */
async function pump(rows: Readable, sink: Writable, copied: (bytes: number) => void): Promise<void> {
  let failure: Error | undefined
  const fail = (error: unknown): void => {
    failure ??= error as Error
    rows.resume()
  }
  const written = finished(sink).catch(fail)
  // What it has taken must not go to a connection that has ended the COPY.
  sink.on('error', () => sink.destroy())
  rows.on('data', (chunk: Buffer) => {
    if (failure !== undefined) return
    try {
      copied(chunk.length)
    } catch (error) {
      return fail(error)
    }
    if (sink.write(chunk)) return
    rows.pause()
    sink.once('drain', () => rows.resume())
  })
  await finished(rows).catch(fail)
  if (failure === undefined) sink.end()
  else sink.destroy(failure)
  await written
  if (failure !== undefined) throw failure
}

/** Puts the changed rows that still exist beside the target's table, and their keys at both ends. */
async function stageChanges(
  ends: CopyEnds,
  table: UserTable,
  keys: readonly (readonly string[])[],
  listener: CopyListener,
): Promise<void> {
  const columns = table.key.map(({ name, type }) => `${name} ${type}`).join(', ')
  const values = table.key.map(({ type }, i) => `(key ->> ${i})::${type}`).join(', ')
  for (const client of [ends.source, ends.target]) {
    await client.query(`CREATE TEMP TABLE ${keysOf(table)} (${columns}) ON COMMIT DROP`)
    await client.query(`INSERT INTO ${keysOf(table)} SELECT ${values} FROM jsonb_array_elements($1) AS key`, [
      JSON.stringify(keys),
    ])
  }
  await ends.target.query(`CREATE TEMP TABLE ${stagedOf(table)} (LIKE ${table.name}) ON COMMIT DROP`)
  const selected = table.columns.map((column) => `t.${column}`).join(', ')
  const query = `SELECT ${selected} FROM ${keysOf(table)} k JOIN ${table.name} t USING (${keyNames(table)})`
  await copyRows(ends, query, stagedOf(table), table, listener)
}

/** Rows that are gone from the source. */
function deleteGone(table: UserTable): string {
  const same = (a: string, b: string) => table.key.map(({ name }) => `${a}.${name} = ${b}.${name}`).join(' AND ')
  return `DELETE FROM ${table.name} t USING ${keysOf(table)} k
    WHERE ${same('t', 'k')} AND NOT EXISTS (SELECT FROM ${stagedOf(table)} s WHERE ${same('s', 'k')})`
}

/** Not by delete and insert: rows of other tables may refer to these. */
function putStaged(table: UserTable): string {
  const names = new Set(table.key.map(({ name }) => name))
  const others = table.columns.filter((column) => !names.has(column))
  const update = others.map((column) => `${column} = excluded.${column}`).join(', ')
  return `INSERT INTO ${table.name} (${columnsOf(table)}) SELECT ${columnsOf(table)} FROM ${stagedOf(table)}
    ON CONFLICT (${keyNames(table)}) DO ${others.length === 0 ? 'NOTHING' : `UPDATE SET ${update}`}`
}

function deleteSome({ name }: UserTable): string {
  return `DELETE FROM ${name} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${name} WHERE user_id = ANY ($1::bigint[]) LIMIT ${DELETE_ROWS}))`
}

interface Checksum {
  readonly count: number
  readonly hash: string
}

/** Over rows `t`, whatever their order. */
async function checksum(client: ClientBase, table: UserTable, compared: string): Promise<Checksum> {
  const columns = table.columns.map((column) => `t.${column}`).join(', ')
  const { rows } = await client.query<{ count: string; hash: string }>(
    `SELECT count(*) AS count, coalesce(bit_xor(hash_record_extended(ROW(${columns}), 0)), 0) AS hash ${compared}`,
  )
  return { count: Number(rows[0]!.count), hash: rows[0]!.hash }
}

function requireSame({ name }: UserTable, source: Checksum, target: Checksum): void {
  if (source.count === target.count && source.hash === target.hash) return
  throw new SlotCopyError(
    `The copy of ${name} differs: ${source.count} rows (${source.hash}) at the source, ` +
      `${target.count} (${target.hash}) at the target`,
  )
}

const columnsOf = ({ columns }: UserTable): string => columns.join(', ')
const keyNames = ({ key }: UserTable): string => key.map(({ name }) => name).join(', ')
const keysOf = ({ name }: UserTable): string => `changed_${name}`
const stagedOf = ({ name }: UserTable): string => `staged_${name}`
