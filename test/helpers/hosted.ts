import { createHash } from 'node:crypto'
import { HostedStores } from '../../src/api/hosted/hosted-stores.ts'
import { MasterKeys } from '../../src/api/hosted/master-keys.ts'
import type { HostedDevice } from '../../client/crypto/hosted/key-box.ts'
import type { UserId } from '../../src/shared/ids.ts'
import type { Database } from '../../src/storage/database.ts'
import { HostedRecords } from '../../src/storage/hosted-records.ts'
import { Shards } from '../../src/storage/shards.ts'
import { openDatabase } from './database.ts'
import type { Teardown } from './database.ts'

/** A master key of its own for each name. */
export function masterKey(name: string): Uint8Array {
  return createHash('sha256').update(name).digest()
}

export interface HostedNode {
  readonly url: string
  readonly database: Database
  readonly records: HostedRecords
  readonly stores: HostedStores
  /** Devices of which a record did not open. */
  readonly damaged: HostedDevice[]
}

export interface HostedNodeOptions {
  readonly masterKeys?: readonly Uint8Array[]
  /** Of several databases; else the one alone. */
  readonly shards?: Shards<Database>
}

/** What a node has for hosted devices, with connections of its own to the database. */
export async function openHostedNode(
  t: Teardown,
  url: string,
  { masterKeys = [masterKey('first')], shards }: HostedNodeOptions = {},
): Promise<HostedNode> {
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const records = new HostedRecords(shards ?? new Shards([database]), 4)
  t.teardown(() => records.close())
  const damaged: HostedDevice[] = []
  const stores = new HostedStores({
    records,
    masterKeys: new MasterKeys(masterKeys),
    options: { dataKeyCacheMs: 60_000, dataKeyCacheItems: 100 },
    onDamaged: (device) => damaged.push(device),
  })
  return { url, database, records, stores, damaged }
}

/** Device 1 of a user, registered and without a store. */
export async function addDevice({ pool }: Database, user: number, registrationId = 7): Promise<HostedDevice> {
  await pool.query(`INSERT INTO users (user_id, name) VALUES ($1, 'Somebody') ON CONFLICT DO NOTHING`, [user])
  await pool.query(
    `INSERT INTO devices (user_id, device, registration, registration_id, token_hash, hosted)
     VALUES ($1, 1, gen_random_uuid(), $2, '\\x00', true)`,
    [user, registrationId],
  )
  return { address: { user: user as UserId, device: 1 }, registrationId }
}
