import type { Pool } from 'pg'
import type { Envelope } from '../shared/envelope.ts'
import { toMessageId } from '../shared/ids.ts'
import type { Address, DeviceId, MessageId, UserId } from '../shared/ids.ts'
import { toEnvelope } from './envelope-row.ts'
import type { EnvelopeRow } from './envelope-row.ts'
import { NOW_MS } from './now-ms.ts'

/** A place in the table of envelopes. */
export interface RowKey {
  readonly to: Address
  readonly messageId: MessageId
}

export interface ExpiredPage {
  readonly expired: readonly Envelope[]
  /** Where the next page begins; undefined: that was the last one. */
  readonly next: RowKey | undefined
}

/** Before all rows. */
export const FIRST_ROW: RowKey = { to: { user: 0 as UserId, device: 0 as DeviceId }, messageId: toMessageId(0n) }

/** Goes through the table by its key, so that it needs no index of its own: each would cost every insert. */
const PAGE = `
  WITH page AS MATERIALIZED (
    SELECT user_id, device, message_id, expires_at FROM envelopes
    WHERE (user_id, device, message_id) > ($1, $2, $3)
    ORDER BY user_id, device, message_id LIMIT $4
  ), last AS (
    SELECT user_id, device, message_id FROM page
    ORDER BY user_id DESC, device DESC, message_id DESC LIMIT 1
  )
  SELECT last.user_id AS last_user, last.device AS last_device, last.message_id AS last_id, e.*
  FROM last LEFT JOIN (
    SELECT e.* FROM page p JOIN envelopes e USING (user_id, device, message_id)
    WHERE p.expires_at <= (SELECT ${NOW_MS})
  ) e ON true`

interface PageRow extends EnvelopeRow {
  last_user: string
  last_device: number
  last_id: string
  /** Null, as all of the envelope, when nothing of the page has expired. */
  user_id: string | null
  device: number
}

/** Looks through the next `limit` rows for those that have expired by PostgreSQL's clock. */
export async function findExpired(pool: Pool, after: RowKey, limit: number): Promise<ExpiredPage> {
  const { rows } = await pool.query<PageRow>({
    name: 'expired-rows',
    text: PAGE,
    values: [after.to.user, after.to.device, String(after.messageId), limit],
  })
  const first = rows[0]
  if (first === undefined) return { expired: [], next: undefined }
  const expired = rows
    .filter((row) => row.user_id !== null)
    .map((row) => toEnvelope({ user: Number(row.user_id) as UserId, device: row.device as DeviceId }, row))
  const to = { user: Number(first.last_user) as UserId, device: first.last_device as DeviceId }
  return { expired, next: { to, messageId: toMessageId(first.last_id) } }
}

/** Of 8 KiB: a smaller table is read whole. */
const SURVEY_PAGES = 400

const SURVEY = `
  WITH size AS (
    SELECT least(100, 100.0 * ${SURVEY_PAGES} * current_setting('block_size')::int
      / greatest(1, pg_relation_size('envelopes'))) AS share
  ), clock AS MATERIALIZED (SELECT ${NOW_MS} AS now)
  SELECT (SELECT share FROM size) AS share, count(*) AS rows, count(*) FILTER (WHERE e.expires_at <= clock.now) AS expired
  FROM clock CROSS JOIN envelopes e TABLESAMPLE SYSTEM ((SELECT share FROM size))`

/** About how many envelopes there are, and how many of them have expired: exactly, in a small table. */
export async function surveyExpired(pool: Pool): Promise<{ rows: number; expired: number }> {
  const { rows } = await pool.query<{ share: number; rows: string; expired: string }>({
    name: 'expired-survey',
    text: SURVEY,
  })
  const found = rows[0]!
  const all = (count: string): number => Math.round((Number(count) * 100) / Number(found.share))
  return { rows: all(found.rows), expired: all(found.expired) }
}
