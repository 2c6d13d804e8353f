import type { ClientBase } from 'pg'
import type { Address } from '../shared/ids.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'
import { inTransaction } from './transaction.ts'

/** One-time keys of each sort that a device may have here. */
const MAX_POOL = 200
/** Below so many of a sort a device is asked for more. */
const FEW = 20

/** A one-time key; its id counts up, and none comes twice. */
export interface OneTimeKey {
  readonly id: number
  readonly preKey: Uint8Array
}

/** Checked pre-keys of one device; what is left out stays as it is. One-time keys are added to those that are there. */
export interface PreKeySupply {
  readonly signed?: Uint8Array | undefined
  readonly lastResort?: Uint8Array | undefined
  readonly oneTime: readonly OneTimeKey[]
  readonly kemOneTime: readonly OneTimeKey[]
}

/** One-time keys that are left. */
export interface PreKeyCounts {
  readonly oneTime: number
  readonly kemOneTime: number
}

export interface OwnPreKeys {
  readonly cert: Uint8Array
  readonly signed: Uint8Array
  readonly lastResort: Uint8Array
}

/** Why pre-keys are not taken. */
export type PreKeysRefusal =
  /** The device is gone. */
  | 'gone'
  /** It has no signed pre-key or no last resort yet, and these are not given. */
  | 'incomplete'
  /** More one-time keys than {@link MAX_POOL}. */
  | 'too many'

/** The pre-keys of devices: what others need to begin a session with them. */
export class PreKeys {
  readonly #shards: Shards<Database>

  constructor(shards: Shards<Database>) {
    this.#shards = shards
  }

  /** @throws PreKeysRefusedError */
  put(address: Address, supply: PreKeySupply): Promise<void> {
    return this.#shards.run(address.user, ({ pool }) =>
      inTransaction(pool, (client) => storePreKeys(client, address, supply)),
    )
  }

  count(address: Address): Promise<PreKeyCounts> {
    return this.#shards.run(address.user, ({ pool }) => countPreKeys(pool, address))
  }

  /** What the device gave last, beside its certificate; undefined: nothing. */
  async findOwn({ user, device }: Address): Promise<OwnPreKeys | undefined> {
    const query = {
      name: 'find-own-pre-keys',
      text: `
        SELECT c.cert, s.pre_key AS signed, s.last_resort AS "lastResort"
        FROM signed_pre_keys s JOIN device_certs c USING (user_id, device)
        WHERE s.user_id = $1 AND s.device = $2`,
      values: [user, device],
    }
    const { rows } = await this.#shards.run(user, ({ pool }) => pool.query<OwnPreKeys>(query))
    return rows[0]
  }

  /** The certificate of a device that is on the list; undefined: it has none. */
  async findCert({ user, device }: Address): Promise<Uint8Array | undefined> {
    const query = {
      name: 'find-cert',
      text: `
        SELECT c.cert FROM devices d JOIN device_certs c USING (user_id, device, registration_id)
        WHERE d.user_id = $1 AND d.device = $2`,
      values: [user, device],
    }
    const { rows } = await this.#shards.run(user, ({ pool }) => pool.query<{ cert: Buffer }>(query))
    return rows[0]?.cert
  }
}

/** Undoes the transaction that it is thrown in. */
export class PreKeysRefusedError extends Error {
  override readonly name = 'PreKeysRefusedError'
  readonly refusal: PreKeysRefusal

  constructor(refusal: PreKeysRefusal) {
    super(`The pre-keys are not taken: ${refusal}`)
    this.refusal = refusal
  }
}

/** Within a transaction. @throws PreKeysRefusedError */
export async function storePreKeys(client: ClientBase, address: Address, supply: PreKeySupply): Promise<void> {
  const { user, device } = address
  // Takes of the same device come one after the other, and so do supplies.
  const locked = await client.query('SELECT FROM devices WHERE user_id = $1 AND device = $2 FOR NO KEY UPDATE', [
    user,
    device,
  ])
  if (locked.rowCount === 0) throw new PreKeysRefusedError('gone')
  await storeSigned(client, address, supply)
  await addToPool(client, 'one_time', address, supply.oneTime)
  await addToPool(client, 'kem_one_time', address, supply.kemOneTime)
  const counts = await countPreKeys(client, address)
  if (Math.max(counts.oneTime, counts.kemOneTime) > MAX_POOL) throw new PreKeysRefusedError('too many')
  await client.query('UPDATE devices SET keys_low = $3 WHERE user_id = $1 AND device = $2 AND keys_low <> $3', [
    user,
    device,
    lowBits(counts),
  ])
}

async function storeSigned(client: ClientBase, address: Address, { signed, lastResort }: PreKeySupply): Promise<void> {
  const values = [address.user, address.device, signed ?? null, lastResort ?? null]
  if (signed !== undefined && lastResort !== undefined) {
    await client.query(
      `INSERT INTO signed_pre_keys (user_id, device, pre_key, last_resort) VALUES ($1, $2, $3, $4)
       ON CONFLICT (user_id, device)
       DO UPDATE SET pre_key = excluded.pre_key, last_resort = excluded.last_resort`,
      values,
    )
    return
  }
  const kept = await client.query(
    `UPDATE signed_pre_keys SET pre_key = coalesce($3, pre_key), last_resort = coalesce($4, last_resort)
     WHERE user_id = $1 AND device = $2`,
    values,
  )
  if (kept.rowCount === 0) throw new PreKeysRefusedError('incomplete')
}

/** Keys at or below the highest id that ever came are not added: they may have been given out already. */
async function addToPool(
  client: ClientBase,
  pool: 'one_time' | 'kem_one_time',
  { user, device }: Address,
  keys: readonly OneTimeKey[],
): Promise<void> {
  if (keys.length === 0) return
  await client.query(
    `WITH given AS (
       SELECT key_id, pre_key FROM unnest($3::bigint[], $4::bytea[]) AS k (key_id, pre_key)
     ), raised AS (
       UPDATE signed_pre_keys s SET ${pool}_highest = greatest(s.${pool}_highest, g.highest)
       FROM (SELECT max(key_id) AS highest FROM given) g, (
         SELECT ${pool}_highest AS highest FROM signed_pre_keys WHERE user_id = $1 AND device = $2
       ) before
       WHERE s.user_id = $1 AND s.device = $2
       RETURNING before.highest
     )
     INSERT INTO ${pool}_pre_keys (user_id, device, key_id, pre_key)
     SELECT $1, $2, g.key_id, g.pre_key FROM given g, raised r WHERE g.key_id > r.highest
     ON CONFLICT DO NOTHING`,
    [user, device, keys.map(({ id }) => id), keys.map(({ preKey }) => preKey)],
  )
}

export async function countPreKeys(
  client: Pick<ClientBase, 'query'>,
  { user, device }: Address,
): Promise<PreKeyCounts> {
  const { rows } = await client.query<PreKeyCounts>({
    name: 'count-pre-keys',
    text: `
      SELECT
        (SELECT count(*)::int FROM one_time_pre_keys WHERE user_id = $1 AND device = $2) AS "oneTime",
        (SELECT count(*)::int FROM kem_one_time_pre_keys WHERE user_id = $1 AND device = $2) AS "kemOneTime"`,
    values: [user, device],
  })
  return rows[0]!
}

/** What `devices.keys_low` says of such counts. */
export function lowBits({ oneTime, kemOneTime }: PreKeyCounts): number {
  return (oneTime < FEW ? 1 : 0) | (kemOneTime < FEW ? 2 : 0) | (oneTime === 0 ? 4 : 0) | (kemOneTime === 0 ? 8 : 0)
}
