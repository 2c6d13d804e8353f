import type { Pool, QueryConfig, QueryResult } from 'pg'
import type { Append, Delete } from './journal-op.ts'
import { NOW_MS } from './now-ms.ts'
import { boolArray, byteaArray, int2Array, int8Array, textArray } from './pg-array.ts'

/**
 * The journal's SQL: one statement a flush, prepared once a connection, whatever the number of rows. A statement is a
 * transaction of its own.
 */
const COLUMNS =
  'user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload'
/** The time of an envelope begins when PostgreSQL has it, by its clock: a stamp that was early or late shortens it not. */
const INSERT = `INSERT INTO envelopes (${COLUMNS})
  SELECT user_id, device, message_id, from_user, from_device, kind, urgent, clock.now + lifetime, client_id, about, payload
  FROM (SELECT ${NOW_MS} AS now) clock
  CROSS JOIN unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::smallint[],
    $7::boolean[], $8::bigint[], $9::text[], $10::text[], $11::bytea[])
    AS e(user_id, device, message_id, from_user, from_device, kind, urgent, lifetime, client_id, about, payload)
  ON CONFLICT DO NOTHING`

/** Looks each key up by itself: as a plain join it may become a scan of the table, while statistics say that it is empty. */
const deleteRows = (first: number) => `DELETE FROM envelopes WHERE ctid = ANY (ARRAY(
    SELECT found.place
    FROM unnest($${first}::bigint[], $${first + 1}::smallint[], $${first + 2}::bigint[]) AS d(user_id, device, message_id)
    CROSS JOIN LATERAL (
      SELECT e.ctid AS place FROM envelopes e
      WHERE e.user_id = d.user_id AND e.device = d.device AND e.message_id = d.message_id OFFSET 0
    ) found))`

const FOUND = `SELECT e.user_id, e.device, e.message_id, e.from_user, e.from_device, e.client_id
  FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS k(user_id, device, message_id)
  JOIN envelopes e USING (user_id, device, message_id)`

/** Inserts and deletes rows; answers how many rows were inserted: fewer than given where their keys were there already. */
export async function writeRows(pool: Pool, appends: readonly Append[], deletes: readonly Delete[]): Promise<number> {
  if (deletes.length === 0) return inserted(await pool.query(insertOf(appends)))
  if (appends.length === 0) {
    await pool.query({ name: 'journal-delete', text: deleteRows(1), values: deleteKeys(deletes) })
    return 0
  }
  const insert = insertOf(appends)
  const both = {
    name: 'journal-both',
    text: `WITH gone AS (${deleteRows(12)}) ${INSERT}`,
    values: [...(insert.values ?? []), ...deleteKeys(deletes)],
  }
  return inserted(await pool.query(both))
}

/** Those of the appends whose row key holds another envelope: a defect, since stamps never collide. */
export async function findCollisions(pool: Pool, appends: readonly Append[]): Promise<Append[]> {
  const { rows } = await pool.query<FoundRow>({ name: 'journal-found', text: FOUND, values: keys(appends) })
  const found = new Map(rows.map((row) => [`${row.user_id}.${row.device}.${row.message_id}`, row]))
  return appends.filter(({ envelope }) => {
    const row = found.get(`${envelope.to.user}.${envelope.to.device}.${envelope.messageId}`)
    // A row that is gone by now was delivered and acknowledged under its own name.
    if (row === undefined) return false
    const { from } = envelope
    return Number(row.from_user) !== from.user || row.from_device !== from.device || row.client_id !== envelope.id
  })
}

interface FoundRow {
  user_id: string
  device: number
  message_id: string
  from_user: string
  from_device: number
  client_id: string
}

function inserted(result: QueryResult): number {
  return result.rowCount ?? 0
}

function keys(appends: readonly Append[]): Buffer[] {
  return [
    int8Array(appends.map(({ envelope }) => envelope.to.user)),
    int2Array(appends.map(({ envelope }) => envelope.to.device)),
    int8Array(appends.map(({ envelope }) => envelope.messageId)),
  ]
}

function insertOf(appends: readonly Append[]): QueryConfig {
  const values = [
    ...keys(appends),
    int8Array(appends.map(({ envelope }) => envelope.from.user)),
    int2Array(appends.map(({ envelope }) => envelope.from.device)),
    int2Array(appends.map(({ envelope }) => envelope.kind)),
    boolArray(appends.map(({ envelope }) => envelope.urgent)),
    int8Array(appends.map(({ envelope }) => Math.max(0, envelope.expiresAt - envelope.sentAt))),
    textArray(appends.map(({ envelope }) => envelope.id)),
    textArray(appends.map(({ envelope }) => envelope.about.join(','))),
    byteaArray(appends.map(({ envelope }) => envelope.payload)),
  ]
  return { name: 'journal-insert', text: INSERT, values }
}

function deleteKeys(deletes: readonly Delete[]): Buffer[] {
  return [
    int8Array(deletes.map(({ to }) => to.user)),
    int2Array(deletes.map(({ to }) => to.device)),
    int8Array(deletes.map(({ messageId }) => messageId)),
  ]
}
