import { Client } from 'pg'
import type { UserId } from '../../src/shared/ids.ts'
import { databaseName } from '../../src/storage/database-name.ts'
import type { Database } from '../../src/storage/database.ts'
import { openShards } from '../../src/storage/open-shards.ts'
import type { OpenShards } from '../../src/storage/open-shards.ts'
import { slotOf } from '../../src/storage/shards.ts'
import { readSlots } from '../../src/storage/slot-row.ts'
import type { SlotRow } from '../../src/storage/slot-row.ts'
import type { MoveEnd } from '../../src/storage/slot-move.ts'
import { createTestDatabase, openDatabase } from './database.ts'
import type { Teardown } from './database.ts'

export interface TestSet extends OpenShards {
  readonly urls: readonly string[]
  readonly databases: readonly Database[]
}

export const QUIET = { slotsChanged: () => {}, taskFailed: () => {} }

/** So many databases that share the slots evenly, and what a node knows of them. */
export async function openTestSet(t: Teardown, count: number): Promise<TestSet> {
  const urls: string[] = []
  const databases: Database[] = []
  for (let i = 0; i < count; i++) {
    const url = await createTestDatabase(t)
    const database = await openDatabase(url)
    t.teardown(() => database.close())
    urls.push(url)
    databases.push(database)
  }
  return { urls, databases, ...(await openTestShards(t, databases)) }
}

/** What one more node knows of the databases. */
export async function openTestShards(t: Teardown, databases: readonly Database[]): Promise<OpenShards> {
  const opened = await openShards(databases, QUIET)
  t.teardown(() => opened.watch.close())
  return opened
}

/** A connection for a move. */
export async function openEnd(t: Teardown, url: string): Promise<MoveEnd> {
  const client = await connect(t, url)
  return { name: databaseName(url), client }
}

export async function connect(t: Teardown, url: string): Promise<Client> {
  const client = new Client(url)
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** What the database says of a slot. */
export async function slotAt({ pool }: Database, slot: number): Promise<SlotRow | undefined> {
  return (await readSlots(pool)).rows.find((row) => row.slot === slot)
}

/** The first users from a number on that are in the slot. */
export function usersOfSlot(slot: number, count: number, from = 15_550_000_000): UserId[] {
  const users: UserId[] = []
  for (let user = from; users.length < count; user++) if (slotOf(user as UserId) === slot) users.push(user as UserId)
  return users
}

/** One row in each table of keys and devices, of a user who is registered with a device: 8 in all. */
export async function fillKeys({ pool }: Database, user: UserId): Promise<void> {
  const key = `'\\xab'`
  const rows = [
    `device_lists VALUES ($1, 1, ${key}, ${key}, 4102444800000, ${key})`,
    `device_certs VALUES ($1, 1, 7, false, ${key}, ${key})`,
    `signed_pre_keys (user_id, device, pre_key, last_resort) VALUES ($1, 1, ${key}, ${key})`,
    `one_time_pre_keys VALUES ($1, 1, 1, ${key})`,
    `kem_one_time_pre_keys VALUES ($1, 1, 1, ${key})`,
    `pre_key_takers VALUES ($1, 1, 15550000001, 1, 5, 4102444800000)`,
    `link_reservations VALUES ($1, 2, ${key}, now())`,
    `backups (user_id, id_hash, version, backup) VALUES ($1, ${key}, 1, ${key})`,
  ]
  for (const row of rows) await pool.query(`INSERT INTO ${row}`, [user])
}

/** So many rows in the mailbox of a user, who is registered with a device. */
export async function fillMailbox({ pool }: Database, user: UserId, rows: number, bytes = 200): Promise<void> {
  await pool.query(`INSERT INTO users (user_id, name) VALUES ($1, 'Somebody') ON CONFLICT DO NOTHING`, [user])
  await pool.query(
    `INSERT INTO devices (user_id, device, registration, token_hash) VALUES ($1, 1, gen_random_uuid(), '\\x00')
     ON CONFLICT DO NOTHING`,
    [user],
  )
  await pool.query(
    `INSERT INTO envelopes (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload)
     SELECT $1, 1, n, 15550000001, 1, 1, false, 4102444800000, 'c' || n, '', decode(repeat('ab', $3), 'hex')
     FROM generate_series(1, $2::bigint) n`,
    [user, rows, bytes],
  )
}

/** All rows of a slot, table by table, for comparison. */
export async function rowsOfSlot({ pool }: Database, slot: number): Promise<Record<string, readonly unknown[]>> {
  const rows: Record<string, readonly unknown[]> = {}
  for (const table of ['users', 'devices', 'contacts', 'registrations', 'idempotency_keys', 'envelopes']) {
    const found = await pool.query<{ row: unknown }>(
      `SELECT to_jsonb(t) AS row FROM ${table} t WHERE slot_of(user_id) = $1 ORDER BY to_jsonb(t)::text`,
      [slot],
    )
    rows[table] = found.rows.map(({ row }) => row)
  }
  return rows
}
