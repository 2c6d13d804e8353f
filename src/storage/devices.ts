import { randomUUID } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import { isRefusedSlot } from './pg-error.ts'
import { retryDeadlock } from './retry-deadlock.ts'
import { hashToken } from './token.ts'

/** What the sender of a message must know of one of the recipient's devices. */
export interface DeviceRecord {
  readonly device: DeviceId
  /** 0: the device has no keys. */
  readonly registrationId: number
  readonly hosted: boolean
  /** ms since 1970: from then on senders leave it out. */
  readonly activeUntil: number
}

/** A device as its token shows it. */
export interface Identity {
  readonly address: Address
  /** Changes each time the device's place is taken by a newly registered one. */
  readonly registration: string
  readonly hosted: boolean
}

export interface ConnectRequest {
  readonly address: Address
  readonly tokenHash: Buffer
  /** Of this connection, counted by the device; 0: the server counts. */
  readonly number: number
}

export type ConnectAnswer =
  | ({
      readonly outcome: 'ok'
      readonly number: number
      /** It has few one-time pre-keys left here. */
      readonly keysLow: boolean
    } & Identity)
  /** The device has opened a later connection already, of this number; or it claims one that is far beyond it. */
  | { readonly outcome: 'replaced'; readonly number: number }
  | { readonly outcome: 'unauthenticated' }

interface IdentityRow {
  user_id: string
  device: number
  registration: string
  hosted: boolean
}

interface ConnectRow extends IdentityRow {
  connection_number: string
  keys_low: number
}

/** Within it a device that is used need not be marked as used again. */
const USED_ACCURACY = '1 hour'

/**
 * How far a device's own count may be ahead of the one here, which only what is restored from a backup is behind. A
 * number near 2^53 would leave it none for its next connection.
 */
const MAX_AHEAD = 1_000_000

/**
 * Counts connections and checks tokens of many devices in one statement, and keeps the highest number of each. No two
 * requests may be for the same device.
 */
export async function connectDevices(
  database: Database,
  requests: readonly ConnectRequest[],
): Promise<readonly ConnectAnswer[]> {
  // In one order on all nodes, so that two statements seldom wait for each other.
  const ordered = requests.toSorted((a, b) => a.address.user - b.address.user || a.address.device - b.address.device)
  const rows = await retryDeadlock(() => countConnections(database, ordered))
  const found = new Map(rows.map((row) => [`${row.user_id}.${row.device}`, row]))
  return requests.map(({ address, number }) => {
    const row = found.get(`${address.user}.${address.device}`)
    if (row === undefined) return { outcome: 'unauthenticated' }
    const newest = Number(row.connection_number)
    if (number !== 0 && number !== newest) return { outcome: 'replaced', number: newest }
    const { registration, hosted } = row
    return { outcome: 'ok', number: newest, address, registration, hosted, keysLow: row.keys_low !== 0 }
  })
}

async function countConnections(
  database: Database,
  requests: readonly ConnectRequest[],
): Promise<readonly ConnectRow[]> {
  const result = await database.pool.query<ConnectRow>({
    name: 'connect-devices',
    text: `
      UPDATE devices AS d
      SET connection_number = CASE WHEN r.number = 0 THEN d.connection_number + 1
                                   WHEN r.number > d.connection_number + ${MAX_AHEAD} THEN d.connection_number
                                   ELSE greatest(d.connection_number, r.number) END,
          last_used_at = now()
      FROM unnest($1::bigint[], $2::smallint[], $3::bytea[], $4::bigint[]) AS r (user_id, device, token_hash, number)
      WHERE d.user_id = r.user_id AND d.device = r.device AND d.token_hash = r.token_hash
      RETURNING d.user_id, d.device, d.registration, d.hosted, d.connection_number, d.keys_low`,
    values: [...addressColumns(requests), requests.map((one) => one.tokenHash), requests.map((one) => one.number)],
  })
  return result.rows
}

export interface TokenRequest {
  readonly address: Address
  readonly tokenHash: Buffer
}

/** Checks the tokens of many devices in one statement. Undefined: not a token of that device. */
export async function identifyDevices(
  database: Database,
  requests: readonly TokenRequest[],
): Promise<readonly (Identity | undefined)[]> {
  const result = await database.pool.query<IdentityRow & { idle: boolean }>({
    name: 'identify-devices',
    text: `
      SELECT d.user_id, d.device, d.registration, d.hosted, d.last_used_at < now() - interval '${USED_ACCURACY}' AS idle
      FROM unnest($1::bigint[], $2::smallint[], $3::bytea[]) AS r (user_id, device, token_hash)
      JOIN devices d ON d.user_id = r.user_id AND d.device = r.device AND d.token_hash = r.token_hash`,
    values: [...addressColumns(requests), requests.map((one) => one.tokenHash)],
  })
  const found = new Map(result.rows.map((row) => [`${row.user_id}.${row.device}`, row]))
  const identities = requests.map(({ address }): Identity | undefined => {
    const row = found.get(`${address.user}.${address.device}`)
    return row && { address, registration: row.registration, hosted: row.hosted }
  })
  const idle = requests.filter(({ address }) => found.get(`${address.user}.${address.device}`)?.idle)
  if (idle.length > 0) await touchDevices(database, idle).catch(ignoreRefusedSlot)
  return identities
}

/** The mark may wait until the device has moved to another database. */
function ignoreRefusedSlot(error: unknown): void {
  if (!isRefusedSlot(error)) throw error
}

/** Marks devices as used, which keeps a registration PIN in force. */
async function touchDevices(database: Database, devices: readonly { readonly address: Address }[]): Promise<void> {
  await database.pool.query({
    name: 'touch-devices',
    text: `
      UPDATE devices AS d SET last_used_at = now()
      FROM unnest($1::bigint[], $2::smallint[]) AS r (user_id, device)
      WHERE d.user_id = r.user_id AND d.device = r.device AND d.last_used_at < now() - interval '${USED_ACCURACY}'`,
    values: addressColumns(devices),
  })
}

/**
 * The devices of a user, by number; undefined when there is no such user. Those that the primary linked are active until
 * the newest device list expires.
 */
export async function findDevices(database: Database, user: UserId): Promise<readonly DeviceRecord[] | undefined> {
  const result = await database.pool.query<{
    device: DeviceId | null
    registration_id: number
    hosted: boolean
    expires_at: string | null
  }>({
    name: 'find-devices',
    text: `
      SELECT d.device, d.registration_id, d.hosted,
        (SELECT expires_at FROM device_lists l WHERE l.user_id = u.user_id ORDER BY epoch DESC LIMIT 1) AS expires_at
      FROM users u LEFT JOIN devices d USING (user_id)
      WHERE u.user_id = $1 ORDER BY d.device`,
    values: [user],
  })
  if (result.rows.length === 0) return undefined
  return result.rows.flatMap(({ device, registration_id: registrationId, hosted, expires_at: expiresAt }) => {
    if (device === null) return []
    const activeUntil = device === PRIMARY || expiresAt === null ? Infinity : Number(expiresAt)
    return [{ device, registrationId, hosted, activeUntil }]
  })
}

const PRIMARY = 1

export interface DeviceFacts {
  readonly name: string
  readonly platform: string
  readonly hosted: boolean
  readonly registrationId: number
}

/** Within a transaction; the place must be free. */
export async function insertDevice(
  client: ClientBase,
  { user, device }: Address,
  token: string,
  { name, platform, hosted, registrationId }: DeviceFacts,
): Promise<void> {
  await client.query(
    `INSERT INTO devices (user_id, device, registration, registration_id, token_hash, name, platform, hosted,
       created_at, last_used_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), clock_timestamp())`,
    [user, device, randomUUID(), registrationId, hashToken(token), name, platform, hosted],
  )
}

function addressColumns(requests: readonly { readonly address: Address }[]): [number[], number[]] {
  return [requests.map(({ address }) => address.user), requests.map(({ address }) => address.device)]
}
