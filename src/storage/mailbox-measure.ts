import type { Pool } from 'pg'
import { Kind } from '../../proto/frames.ts'
import { ROW_BYTES } from '../shared/envelope.ts'
import type { UserId } from '../shared/ids.ts'
import { MAX_SHARES } from './mailbox-room.ts'
import type { Amount, RoomLimits, RoomMeasure } from './mailbox-room.ts'
import type { RoomQuery } from './mailbox-rooms.ts'
import { int2Array, int8Array, textArray } from './pg-array.ts'

/**
 * Many mailboxes in one statement, at most `$4` rows of each: in all, of strangers, of the senders asked for, and of
 * those who have most there. A length of bytes is known without reading them, so large payloads cost nothing. A stranger
 * is whoever is not among the contacts of a user that has named some; whoever named none knows everybody.
 */
const MEASURE = `
  SELECT measured.* FROM unnest($1::bigint[], $2::smallint[], $3::text[]) WITH ORDINALITY AS q(user_id, device, senders, i)
  CROSS JOIN LATERAL (
    WITH sizes AS (
      SELECT from_user, kind IN (${Kind.READ}, ${Kind.PLAYED}) AS is_receipt,
        ${ROW_BYTES} + octet_length(payload) + octet_length(about) AS size
      FROM (
        SELECT e.from_user, e.kind, e.payload, e.about FROM envelopes e
        WHERE e.user_id = q.user_id AND e.device = q.device
          AND e.kind NOT IN (${Kind.DELIVERED}, ${Kind.EXPIRED})
        LIMIT $4
      ) rows
    ), sums AS (
      SELECT from_user,
        count(*) FILTER (WHERE NOT is_receipt) AS envelopes,
        coalesce(sum(size) FILTER (WHERE NOT is_receipt), 0) AS bytes,
        coalesce(sum(size) FILTER (WHERE is_receipt), 0) AS receipt_bytes
      FROM sizes GROUP BY from_user
    ), asked AS (
      SELECT unnest(q.senders::bigint[]) AS from_user
    ), senders AS (
      SELECT from_user, coalesce(envelopes, 0) AS envelopes, coalesce(bytes, 0) AS bytes,
        coalesce(receipt_bytes, 0) AS receipt_bytes, asked.from_user IS NOT NULL AS is_asked,
        from_user <> q.user_id
          AND EXISTS (SELECT FROM contacts c WHERE c.user_id = q.user_id)
          AND NOT EXISTS (SELECT FROM contacts c WHERE c.user_id = q.user_id AND c.contact = from_user) AS is_stranger
      FROM sums FULL JOIN asked USING (from_user)
    ), wanted AS (
      SELECT * FROM senders ORDER BY is_asked DESC, bytes + receipt_bytes DESC LIMIT ${MAX_SHARES}
    )
    SELECT
      (SELECT json_build_array(sum(envelopes), sum(bytes), sum(receipt_bytes)) FROM sums) AS total,
      (SELECT json_build_array(sum(envelopes), sum(bytes), sum(receipt_bytes)) FROM senders WHERE is_stranger) AS strangers,
      (
        SELECT json_agg(json_build_array(from_user, envelopes, bytes, receipt_bytes, is_stranger)) FROM wanted
      ) AS senders
  ) measured
  ORDER BY q.i`

type Sums = readonly [envelopes: number | null, bytes: number | null, receiptBytes: number | null]

interface MeasureRow {
  readonly total: Sums
  readonly strangers: Sums
  readonly senders:
    | readonly (readonly [from: UserId, envelopes: number, bytes: number, receiptBytes: number, stranger: boolean])[]
    | null
}

/** Rows beyond these need not be seen: a mailbox that has so many is full. */
export function mostRows({ maxEnvelopes, receiptBytes }: RoomLimits): number {
  return Math.ceil(1.25 * (maxEnvelopes + receiptBytes / ROW_BYTES))
}

/**
 * Measures mailboxes of one database.
 * @param maxRows - of each mailbox: what comes after them is not seen
 */
export async function measureMailboxes(
  pool: Pool,
  queries: readonly RoomQuery[],
  maxRows: number,
): Promise<RoomMeasure[]> {
  const { rows } = await pool.query<MeasureRow>({
    name: 'mailbox-measure',
    text: MEASURE,
    values: [
      int8Array(queries.map(({ to }) => to.user)),
      int2Array(queries.map(({ to }) => to.device)),
      textArray(queries.map(({ senders }) => `{${senders.join(',')}}`)),
      maxRows,
    ],
  })
  return rows.map(({ total, strangers, senders }) => ({
    ...toAmount(total),
    strangers: toAmount(strangers),
    senders: (senders ?? []).map(([user, envelopes, bytes, receiptBytes, stranger]) => ({
      user,
      envelopes,
      bytes,
      receiptBytes,
      stranger,
    })),
  }))
}

function toAmount([envelopes, bytes, receiptBytes]: Sums): Amount {
  return { envelopes: envelopes ?? 0, bytes: bytes ?? 0, receiptBytes: receiptBytes ?? 0 }
}
