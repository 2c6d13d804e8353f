import type { DeviceId, UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'

/** What an operator may know of a user: nothing of what they write or to whom. */
export interface UserReport {
  readonly registeredAtMs: number
  /** When a device was last connected. */
  readonly lastSeenMs: number | undefined
  readonly devices: readonly DeviceReport[]
}

export interface DeviceReport {
  readonly device: DeviceId
  readonly name: string
  readonly platform: string
  readonly hosted: boolean
  readonly registeredAtMs: number
  /** To an hour. */
  readonly lastUsedMs: number
  /** Envelopes in its mailbox, counted up to {@link MAX_PENDING}. */
  readonly pending: number
}

const MAX_PENDING = 10_000

const REPORT = `
  SELECT (extract(epoch FROM u.created_at) * 1000)::bigint AS registered_at, u.last_seen_at,
    d.device, d.name, d.platform, d.hosted, (extract(epoch FROM d.created_at) * 1000)::bigint AS device_registered_at,
    (extract(epoch FROM d.last_used_at) * 1000)::bigint AS last_used_at, (
      SELECT count(*)::int FROM (
        SELECT FROM envelopes e WHERE e.user_id = u.user_id AND e.device = d.device LIMIT ${MAX_PENDING}
      ) waiting
    ) AS pending
  FROM users u LEFT JOIN devices d ON d.user_id = u.user_id
  WHERE u.user_id = $1 ORDER BY d.device`

/** Times are ms since 1970. */
interface ReportRow {
  registered_at: string
  last_seen_at: string | null
  /** Null, as all that follows, for a user without devices. */
  device: number | null
  name: string
  platform: string
  hosted: boolean
  device_registered_at: string
  last_used_at: string
  pending: number
}

/** Undefined: nobody is registered under that number. */
export async function findUserReport({ pool }: Database, user: UserId): Promise<UserReport | undefined> {
  const { rows } = await pool.query<ReportRow>(REPORT, [user])
  const [first] = rows
  if (first === undefined) return undefined
  const devices = rows.filter(({ device }) => device !== null)
  return {
    registeredAtMs: Number(first.registered_at),
    lastSeenMs: first.last_seen_at === null ? undefined : Number(first.last_seen_at),
    devices: devices.map((row) => ({
      device: row.device as DeviceId,
      name: row.name,
      platform: row.platform,
      hosted: row.hosted,
      registeredAtMs: Number(row.device_registered_at),
      lastUsedMs: Number(row.last_used_at),
      pending: row.pending,
    })),
  }
}
