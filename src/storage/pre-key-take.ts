import type { ClientBase } from 'pg'
import type { RateLimit } from '../shared/rate-limit.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import { NOW_MS } from './now-ms.ts'
import { countPreKeys, lowBits } from './pre-keys.ts'
import type { PreKeyCounts } from './pre-keys.ts'
import type { Shards } from './shards.ts'
import { inTransaction } from './transaction.ts'

/** What a device needs to begin a session with another. */
export interface PreKeyBundle {
  readonly device: DeviceId
  readonly cert: Uint8Array
  readonly signed: Uint8Array
  readonly oneTime: Uint8Array | undefined
  readonly kem: Uint8Array
  /** Whether `kem` is a one-time key, or the last resort. */
  readonly kemOneTime: boolean
}

/** A device that has few one-time keys left since this take, or none. */
export interface LowPreKeys {
  readonly address: Address
  readonly counts: PreKeyCounts
}

export type TakeOutcome =
  | { readonly outcome: 'unknown user' }
  /** None of the devices has keys. */
  | { readonly outcome: 'no keys' }
  | { readonly outcome: 'limited'; readonly retryAfterMs: number }
  | {
      readonly outcome: 'taken'
      /** The newest device list. */
      readonly list: Uint8Array
      readonly bundles: readonly PreKeyBundle[]
      readonly low: readonly LowPreKeys[]
    }

export interface TakeLimits {
  /** Takes, by pair of devices. */
  readonly perTaker: RateLimit
  /** One-time keys of a device for those whom its user does not know: past it they get bundles without. */
  readonly perTarget: RateLimit
}

export interface TakeRequest {
  readonly by: Address
  readonly of: UserId
  /** Undefined: all. */
  readonly devices: readonly DeviceId[] | undefined
}

const PRIMARY = 1

interface DeviceRow {
  device: DeviceId
  keys_low: number
  cert: Buffer
  pre_key: Buffer
  last_resort: Buffer
  budget: number | null
  budget_at: string
}

class LimitedError extends Error {
  readonly retryAfterMs: number

  constructor(retryAfterMs: number) {
    super('The limit is reached')
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Gives pre-keys out: each one-time key once, whoever asks at the same time. The limits are counted where the keys are,
 * so they hold for all nodes together, and while the database is away nothing is given out.
 */
export class PreKeyTake {
  readonly #shards: Shards<Database>
  readonly #limits: TakeLimits

  constructor(shards: Shards<Database>, limits: TakeLimits) {
    this.#shards = shards
    this.#limits = limits
  }

  take(request: TakeRequest): Promise<TakeOutcome> {
    return this.#shards.run(request.of, async ({ pool }) => {
      try {
        return await inTransaction(pool, (client) => this.#take(client, request))
      } catch (error) {
        if (!(error instanceof LimitedError)) throw error
        return { outcome: 'limited', retryAfterMs: error.retryAfterMs }
      }
    })
  }

  async #take(client: ClientBase, request: TakeRequest): Promise<TakeOutcome> {
    const { by, of } = request
    // First, so that no list takes effect that is without one of them.
    const locked = await lockDevices(client, request)
    const list = await findList(client, of, by.user)
    if (list === undefined) return { outcome: 'unknown user' }
    const own = by.user === of ? by.device : undefined
    const rows = locked.filter(({ device }) => device !== own && (!list.expired || device === PRIMARY))
    if (list.bytes === null || rows.length === 0) return { outcome: 'no keys' }
    const devices = rows.map(({ device }) => device)
    await this.#countTakes(client, request, devices)
    const rich = list.knows || by.user === of ? devices : await this.#spendBudgets(client, of, rows, Number(list.now))
    const oneTime = await takeFrom(client, 'one_time', of, rich)
    const kem = await takeFrom(client, 'kem_one_time', of, rich)
    const low: LowPreKeys[] = []
    for (const row of rows) {
      const address = { user: of, device: row.device }
      const counts = await countPreKeys(client, address)
      if (await noteLow(client, address, row.keys_low, counts)) low.push({ address, counts })
    }
    const bundles = rows.map(({ device, cert, pre_key: signed, last_resort: lastResort }): PreKeyBundle => ({
      device,
      cert,
      signed,
      oneTime: oneTime.get(device),
      kem: kem.get(device) ?? lastResort,
      kemOneTime: kem.has(device),
    }))
    return { outcome: 'taken', list: list.bytes, bundles, low }
  }

  /** @throws LimitedError when one of the pairs has taken too often */
  async #countTakes(client: ClientBase, { by, of }: TakeRequest, devices: readonly DeviceId[]): Promise<void> {
    const { burst, perSecond } = this.#limits.perTaker
    const { rows } = await client.query<{ tokens: number }>(
      `INSERT INTO pre_key_takers AS t (user_id, device, taker, taker_device, tokens, counted_at)
       SELECT $1, device, $3, $4, $5::real - 1, clock.now
       FROM (SELECT ${NOW_MS} AS now) clock CROSS JOIN unnest($2::smallint[]) AS device
       ON CONFLICT (user_id, device, taker, taker_device) DO UPDATE
       SET tokens = least($5::real, t.tokens + greatest(0, excluded.counted_at - t.counted_at) / 1000.0 * $6) - 1,
         counted_at = excluded.counted_at
       RETURNING tokens`,
      [of, devices, by.user, by.device, burst, perSecond],
    )
    const least = Math.min(...rows.map(({ tokens }) => tokens))
    if (least < -ROUNDING) throw new LimitedError(Math.ceil((-least / perSecond) * 1_000))
  }

  /** The devices that strangers may still take one-time keys of; each has one less to give from now on. */
  async #spendBudgets(
    client: ClientBase,
    of: UserId,
    rows: readonly DeviceRow[],
    now: number,
  ): Promise<readonly DeviceId[]> {
    const { burst, perSecond } = this.#limits.perTarget
    const spent = rows
      .map(({ device, budget, budget_at: at }) => {
        const elapsedMs = Math.max(0, now - Number(at))
        return { device, left: Math.min(burst, (budget ?? burst) + (elapsedMs / 1_000) * perSecond) - 1 }
      })
      .filter(({ left }) => left >= -ROUNDING)
    await client.query(
      `UPDATE signed_pre_keys s SET budget = b.budget, budget_at = $4
       FROM unnest($2::smallint[], $3::real[]) AS b (device, budget) WHERE s.user_id = $1 AND s.device = b.device`,
      [of, spent.map(({ device }) => device), spent.map(({ left }) => left), now],
    )
    return spent.map(({ device }) => device)
  }
}

/** Of a token: what PostgreSQL's `real` may lose. */
const ROUNDING = 1e-3

interface ListRow {
  bytes: Buffer | null
  /** Null without a list. */
  expired: boolean | null
  /** PostgreSQL's clock, ms since 1970. */
  now: string
  /** The user has the taker among their contacts. */
  knows: boolean
}

async function findList(client: ClientBase, user: UserId, taker: UserId): Promise<ListRow | undefined> {
  const { rows } = await client.query<ListRow>({
    name: 'find-list-for-take',
    text: `
      SELECT l.list AS bytes, l.expires_at <= clock.now AS expired, clock.now,
        EXISTS (SELECT FROM contacts c WHERE c.user_id = u.user_id AND c.contact = $2) AS knows
      FROM (SELECT ${NOW_MS} AS now) clock CROSS JOIN users u LEFT JOIN LATERAL (
        SELECT list, expires_at FROM device_lists WHERE user_id = u.user_id ORDER BY epoch DESC LIMIT 1
      ) l ON true
      WHERE u.user_id = $1`,
    values: [user, taker],
  })
  return rows[0]
}

/** Until the end of the transaction nobody else takes keys of these devices, or gives them new ones. */
async function lockDevices(client: ClientBase, { of, devices }: TakeRequest): Promise<readonly DeviceRow[]> {
  const { rows } = await client.query<DeviceRow>({
    name: 'lock-devices-for-take',
    text: `
      SELECT d.device, d.keys_low, c.cert, s.pre_key, s.last_resort, s.budget, s.budget_at
      FROM devices d
      JOIN device_certs c ON c.user_id = d.user_id AND c.device = d.device AND c.registration_id = d.registration_id
      JOIN signed_pre_keys s ON s.user_id = d.user_id AND s.device = d.device
      WHERE d.user_id = $1 AND ($2::smallint[] IS NULL OR d.device = ANY ($2))
      ORDER BY d.device FOR NO KEY UPDATE OF d`,
    values: [of, devices ?? null],
  })
  return rows
}

/**
 * Takes one key of each device. The keys are chosen in a materialised part: chosen in a condition of the DELETE, they
 * would be chosen again for each row under some plans.
 */
async function takeFrom(
  client: ClientBase,
  pool: 'one_time' | 'kem_one_time',
  user: UserId,
  devices: readonly DeviceId[],
): Promise<ReadonlyMap<DeviceId, Buffer>> {
  if (devices.length === 0) return new Map()
  const { rows } = await client.query<{ device: DeviceId; pre_key: Buffer }>({
    name: `take-${pool}`,
    text: `
      WITH taken AS MATERIALIZED (
        SELECT k.user_id, k.device, k.key_id FROM unnest($2::smallint[]) AS wanted (device)
        CROSS JOIN LATERAL (
          SELECT user_id, device, key_id FROM ${pool}_pre_keys
          WHERE user_id = $1 AND device = wanted.device
          ORDER BY key_id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) k
      )
      DELETE FROM ${pool}_pre_keys k USING taken t
      WHERE (k.user_id, k.device, k.key_id) = (t.user_id, t.device, t.key_id)
      RETURNING k.device, k.pre_key`,
    values: [user, devices],
  })
  return new Map(rows.map(({ device, pre_key: preKey }) => [device, preKey]))
}

/** Whether the device has to be told: fewer are left than it was told of. */
async function noteLow(client: ClientBase, address: Address, before: number, counts: PreKeyCounts): Promise<boolean> {
  const bits = lowBits(counts)
  if (bits === before) return false
  await client.query('UPDATE devices SET keys_low = $3 WHERE user_id = $1 AND device = $2', [
    address.user,
    address.device,
    bits,
  ])
  return (bits & ~before) !== 0
}
