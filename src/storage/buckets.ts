import { createKeyedHash } from '../shared/keyed-hash.ts'
import type { KeyedHash } from '../shared/keyed-hash.ts'
import type { RateLimit } from '../shared/rate-limit.ts'
import type { Database } from './database.ts'
import { retryDeadlock } from './retry-deadlock.ts'
import type { Shards } from './shards.ts'

/** One bucket: of which limit, and of whom. */
export interface Bucket {
  readonly name: string
  readonly key: string | number
  readonly limit: RateLimit
}

export type BucketsAnswer =
  /** `left`: what is left of each, in the order asked. */
  | { readonly taken: true; readonly left: readonly number[] }
  | { readonly taken: false; readonly empty: Bucket; readonly retryAfterMs: number }

/** Of a token: what adding up many small refills may lose. */
const ROUNDING = 1e-6
const KEY_BYTES = 16
/** Keeps intervals within what PostgreSQL can hold: a bucket that fills more slowly is forgotten after it. */
const MAX_FILL_SECONDS = 1e9

/** Nothing waits for the disk: a crash of PostgreSQL forgets the counts of its last moments, which does no harm. */
const QUICKLY = `quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))`

/** What a bucket holds: of its burst and rate, as of `at`. */
const refilled = (burst: string, rate: string, at: string): string =>
  `least(${burst}, b.tokens + greatest(0, extract(epoch FROM ${at} - b.counted_at)::float8) * ${rate})`

/**
 * $1 keys, $2 bursts, $3 tokens a second, $4 what is taken of each. The rows are locked in the order of their keys, then
 * counted; a row that somebody else inserts meanwhile is counted when it is met.
 */
const TAKE = `
  WITH ${QUICKLY},
  asked AS MATERIALIZED (
    SELECT a.*, clock_timestamp() AS at
    FROM unnest($1::bytea[], $2::float8[], $3::float8[]) WITH ORDINALITY AS a (key, burst, rate, place), quickly
  ),
  locked AS MATERIALIZED (
    SELECT b.* FROM buckets b WHERE b.key = ANY ($1::bytea[]) ORDER BY b.key FOR UPDATE
  ),
  held AS MATERIALIZED (
    SELECT a.*, coalesce(${refilled('a.burst', 'a.rate', 'a.at')}, a.burst) AS tokens
    FROM asked a LEFT JOIN locked b ON b.key = a.key
  ),
  taken AS (
    INSERT INTO buckets AS b (key, tokens, counted_at, full_at)
    SELECT key, tokens - $4::float8, at,
      at + make_interval(secs => least(${MAX_FILL_SECONDS}, (burst - tokens + $4::float8) / rate))
    FROM held WHERE NOT EXISTS (SELECT FROM held WHERE tokens < $4::float8 - ${ROUNDING})
    ORDER BY key
    ON CONFLICT (key) DO UPDATE
    SET tokens = CASE WHEN EXISTS (SELECT FROM locked l WHERE l.key = b.key) THEN excluded.tokens
                      ELSE b.tokens - $4::float8 END,
        counted_at = greatest(b.counted_at, excluded.counted_at), full_at = excluded.full_at
  )
  SELECT tokens FROM held ORDER BY place`

const GIVE_BACK = `
  WITH ${QUICKLY},
  locked AS MATERIALIZED (
    SELECT b.key FROM buckets b WHERE b.key = ANY ($1::bytea[]) ORDER BY b.key FOR UPDATE
  )
  UPDATE buckets b SET tokens = least(a.burst, b.tokens + $3::float8)
  FROM locked JOIN unnest($1::bytea[], $2::float8[]) AS a (key, burst) USING (key), quickly WHERE b.key = locked.key`

/**
 * Token buckets in the first database, for what costs money or is guessed at: they hold for all nodes together and over
 * restarts, and PostgreSQL's clock fills them. While it is away nothing passes.
 */
export class Buckets {
  readonly #database: Database
  readonly #keyedHash: KeyedHash

  /** @param masterKey - keys the hashes of phone numbers and addresses; the same on every node */
  constructor(shards: Shards<Database>, masterKey: Uint8Array | undefined) {
    this.#database = shards.all[0]!
    this.#keyedHash = createKeyedHash(masterKey ?? '', 'buckets')
  }

  /** Takes so many tokens from each bucket, or nothing from any: what an empty one refuses costs the others nothing. */
  async take(buckets: readonly Bucket[], tokens = 1): Promise<BucketsAnswer> {
    if (buckets.length === 0) return { taken: true, left: [] }
    const values = [
      buckets.map((bucket) => this.#hash(bucket)),
      buckets.map(({ limit }) => limit.burst),
      buckets.map(({ limit }) => limit.perSecond),
      tokens,
    ]
    const { rows } = await retryDeadlock(() =>
      this.#database.pool.query<{ tokens: number }>({ name: 'take-from-buckets', text: TAKE, values }),
    )
    const held = rows.map((row) => row.tokens)
    const empty = held.findIndex((one) => one < tokens - ROUNDING)
    if (empty === -1) return { taken: true, left: held.map((one) => one - tokens) }
    const bucket = buckets[empty]!
    const seconds = (tokens - held[empty]!) / bucket.limit.perSecond
    return { taken: false, empty: bucket, retryAfterMs: Math.max(1, Math.ceil(seconds * 1_000)) }
  }

  /** Gives back what was taken for something that then did not happen. */
  async giveBack(buckets: readonly Bucket[], tokens = 1): Promise<void> {
    if (buckets.length === 0) return
    const keys = buckets.map((bucket) => this.#hash(bucket))
    const values = [keys, buckets.map(({ limit }) => limit.burst), tokens]
    await retryDeadlock(() => this.#database.pool.query({ name: 'give-back-to-buckets', text: GIVE_BACK, values }))
  }

  #hash({ name, key }: Bucket): Buffer {
    return this.#keyedHash(`${name}:${key}`).subarray(0, KEY_BYTES)
  }
}
