import type { Pool } from 'pg'
import { stampMs, toMessageId } from '../shared/ids.ts'
import { NOW_MS } from './now-ms.ts'

/** What the mailboxes of one database hold, by a look at a part of them. */
export interface MailboxStatistics {
  /** Envelopes in all, as PostgreSQL's own statistics estimate them. */
  readonly envelopes: number
  /** Envelopes of the largest mailbox that the sample came upon, counted up to {@link MAX_COUNTED}. */
  readonly deepest: number
  /** Age of the oldest envelope of the sample; 0 when it is empty. */
  readonly oldestMs: number
}

export const MAX_COUNTED = 10_000
/** Of 8 KiB: a smaller table is read whole, so that nothing is left out. */
const SAMPLE_PAGES = 400
/** Mailboxes whose envelopes are counted. */
const SAMPLE_MAILBOXES = 10

/**
 * There is no index on age, and a full read of a large table would cost more than it tells. So pages are drawn at
 * random; a mailbox is drawn as often as it has pages, which makes it likely that the large ones are among those counted.
 */
const SAMPLE = `
  WITH size AS (
    SELECT least(100, 100.0 * ${SAMPLE_PAGES} * current_setting('block_size')::int
      / greatest(1, pg_relation_size('envelopes'))) AS share
  ), sample AS MATERIALIZED (
    SELECT user_id, device, message_id FROM envelopes TABLESAMPLE SYSTEM ((SELECT share FROM size))
  ), mailboxes AS (
    SELECT user_id, device FROM sample GROUP BY user_id, device ORDER BY count(*) DESC LIMIT ${SAMPLE_MAILBOXES}
  )
  SELECT
    ${NOW_MS} AS now,
    (SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'envelopes'::regclass) AS envelopes,
    (SELECT min(message_id) FROM sample) AS oldest,
    (SELECT max(counted.depth) FROM mailboxes m CROSS JOIN LATERAL (
      SELECT count(*) AS depth FROM (
        SELECT FROM envelopes e WHERE e.user_id = m.user_id AND e.device = m.device LIMIT ${MAX_COUNTED}
      ) found
    ) counted) AS deepest`

interface SampleRow {
  now: string
  envelopes: string | null
  oldest: string | null
  deepest: string | null
}

export async function sampleMailboxes(pool: Pool): Promise<MailboxStatistics> {
  const { rows } = await pool.query<SampleRow>(SAMPLE)
  const { now, envelopes, oldest, deepest } = rows[0]!
  const oldestMs = oldest === null ? 0 : Math.max(0, Number(now) - stampMs(toMessageId(oldest)))
  return { envelopes: Number(envelopes ?? 0), deepest: Number(deepest ?? 0), oldestMs }
}
