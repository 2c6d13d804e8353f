import type { Pool } from 'pg'
import type { Envelope } from '../shared/envelope.ts'
import { toMessageId } from '../shared/ids.ts'
import type { Address, MessageId } from '../shared/ids.ts'
import { toEnvelope } from './envelope-row.ts'
import type { EnvelopeRow } from './envelope-row.ts'
import { NOW_MS } from './now-ms.ts'
import { boolArray, int2Array, int8Array, textArray } from './pg-array.ts'

/** The first `limit` rows of a mailbox, up to `bytes` of payload (one row at least), without those of `exclude`. */
export interface MailboxQuery {
  readonly to: Address
  readonly limit: number
  readonly bytes: number
  readonly exclude: readonly MessageId[]
  /** Answer `highest` and `pending` too. */
  readonly first: boolean
}

export interface MailboxPage {
  /** In the order of their message ids. */
  readonly rows: Envelope[]
  /** There are no more. */
  readonly complete: boolean
  /** The highest message id of the mailbox, unless it is empty. */
  readonly highest?: MessageId
  /** Envelopes that wait, counted up to {@link MAX_PENDING}. */
  readonly pending: number
  readonly holder: MailboxHolder | undefined
  /** PostgreSQL's clock at the read, ms since 1970. */
  readonly readAt: number
}

/** The device that a mailbox belongs to now; undefined where it is given: there is none. */
export interface MailboxHolder {
  /** Changes when the place of the device is taken by a newly registered one. */
  readonly registration: string
  /** The number of its newest connection. */
  readonly connectionNumber: number
}

export interface MailboxCheck {
  readonly waiting: boolean
  readonly holder: MailboxHolder | undefined
}

export const MAX_PENDING = 1_000

/**
 * Many mailboxes in one statement: for each a head, and its page of rows. As many keys more are read as are excluded, so
 * that enough are left. `bytes_before` counts the payloads of a page up to a row.
 */
const READ = `
  SELECT q.i, clock.now AS read_at, d.registration, d.connection_number, head.highest, head.pending, page.*
  FROM (SELECT ${NOW_MS} AS now) clock
  CROSS JOIN unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::text[], $6::boolean[])
    WITH ORDINALITY AS q(user_id, device, row_limit, byte_limit, exclude, is_first, i)
  LEFT JOIN devices d ON d.user_id = q.user_id AND d.device = q.device
  LEFT JOIN LATERAL (
    SELECT max(message_id) AS highest, count(*)::int AS pending FROM (
      SELECT message_id FROM envelopes e WHERE e.user_id = q.user_id AND e.device = q.device AND q.is_first
      ORDER BY message_id LIMIT ${MAX_PENDING}
    ) firsts
  ) head ON true
  LEFT JOIN LATERAL (
    SELECT * FROM (
      SELECT e.message_id, e.from_user, e.from_device, e.kind, e.urgent, e.expires_at, e.client_id, e.about, e.payload,
        sum(octet_length(e.payload)) OVER (ORDER BY e.message_id) - octet_length(e.payload) AS bytes_before,
        count(*) OVER () AS found
      FROM (
        (
          SELECT m.message_id FROM envelopes m
          WHERE m.user_id = q.user_id AND m.device = q.device
          ORDER BY m.message_id LIMIT q.row_limit + cardinality(q.exclude::bigint[])
        )
        EXCEPT SELECT unnest(q.exclude::bigint[])
        ORDER BY message_id LIMIT q.row_limit
      ) wanted
      JOIN envelopes e ON e.user_id = q.user_id AND e.device = q.device AND e.message_id = wanted.message_id
    ) counted
    WHERE counted.bytes_before < q.byte_limit
  ) page ON true
  ORDER BY q.i, page.message_id`

const HIGHEST = `SELECT max(message_id) AS highest FROM envelopes WHERE user_id = $1 AND device = $2`

const CHECK = `
  SELECT d.registration, d.connection_number, EXISTS (
    SELECT FROM envelopes e WHERE e.user_id = q.user_id AND e.device = q.device
  ) AS waiting
  FROM unnest($1::bigint[], $2::smallint[]) WITH ORDINALITY AS q(user_id, device, i)
  LEFT JOIN devices d ON d.user_id = q.user_id AND d.device = q.device
  ORDER BY q.i`

/** Reads the rows of mailboxes of one database. */
export async function readMailboxes(pool: Pool, queries: readonly MailboxQuery[]): Promise<MailboxPage[]> {
  const { rows } = await pool.query<ReadRow>({
    name: 'mailbox-read',
    text: READ,
    values: [
      int8Array(queries.map(({ to }) => to.user)),
      int2Array(queries.map(({ to }) => to.device)),
      int8Array(queries.map(({ limit }) => limit)),
      int8Array(queries.map(({ bytes }) => bytes)),
      textArray(queries.map(({ exclude }) => `{${exclude.join(',')}}`)),
      boolArray(queries.map(({ first }) => first)),
    ],
  })
  const pages: MailboxPage[] = []
  let at = 0
  for (const [i, query] of queries.entries()) {
    const start = at
    while (at < rows.length && Number(rows[at]!.i) === i + 1) at++
    const page = toPage(query, rows.slice(start, at))
    // The head looks at the first rows only: a longer mailbox needs a look at its end.
    const long = query.first && page.pending === MAX_PENDING
    pages.push(long ? { ...page, highest: await readHighest(pool, query.to) } : page)
  }
  return pages
}

/** Whether rows wait, and which connection is the newest, for many mailboxes of one database. */
export async function checkMailboxes(pool: Pool, mailboxes: readonly Address[]): Promise<MailboxCheck[]> {
  const { rows } = await pool.query<HolderRow & { waiting: boolean }>({
    name: 'mailbox-check',
    text: CHECK,
    values: [int8Array(mailboxes.map(({ user }) => user)), int2Array(mailboxes.map(({ device }) => device))],
  })
  return rows.map((row) => ({ waiting: row.waiting, holder: toHolder(row) }))
}

async function readHighest(pool: Pool, to: Address): Promise<MessageId> {
  const { rows } = await pool.query<{ highest: string | null }>({
    name: 'mailbox-highest',
    text: HIGHEST,
    values: [to.user, to.device],
  })
  return toMessageId(rows[0]?.highest ?? '0')
}

interface HolderRow {
  registration: string | null
  connection_number: string | null
}

interface ReadRow extends EnvelopeRow, HolderRow {
  i: string
  read_at: string
  highest: string | null
  pending: number
  /** Null, as the envelope, for a mailbox without rows. */
  found: string | null
}

function toPage(query: MailboxQuery, rows: readonly ReadRow[]): MailboxPage {
  const head = rows[0]
  const found = Number(head?.found ?? 0)
  const envelopes = found === 0 ? [] : rows.map((row) => toEnvelope(query.to, row))
  return {
    rows: envelopes,
    complete: envelopes.length === found && found < query.limit,
    ...(typeof head?.highest === 'string' ? { highest: toMessageId(head.highest) } : {}),
    pending: head?.pending ?? 0,
    readAt: Number(head?.read_at ?? 0),
    holder: head && toHolder(head),
  }
}

function toHolder({ registration, connection_number: number }: HolderRow): MailboxHolder | undefined {
  return registration === null ? undefined : { registration, connectionNumber: Number(number) }
}
