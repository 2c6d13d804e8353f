import { createHmac } from 'node:crypto'
import type { RateLimit } from '../shared/rate-limit.ts'
import type { Database } from './database.ts'
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

/** $1 key, $2 burst, $3 tokens a second, $4 what is taken. `excluded.counted_at` is the time of the statement. */
const REFILLED = `least($2::float8,
  b.tokens + greatest(0, extract(epoch FROM excluded.counted_at - b.counted_at)::float8) * $3::float8)`

const fullAt = (tokens: string): string =>
  `make_interval(secs => least(${MAX_FILL_SECONDS}, ($2::float8 - (${tokens})) / $3::float8))`

const TAKE = `
  INSERT INTO buckets AS b (key, tokens, counted_at, full_at)
  VALUES ($1, $2::float8 - $4::float8, clock_timestamp(), clock_timestamp() + ${fullAt('$2::float8 - $4::float8')})
  ON CONFLICT (key) DO UPDATE
  SET tokens = ${REFILLED} - $4::float8,
      counted_at = greatest(b.counted_at, excluded.counted_at),
      full_at = excluded.counted_at + ${fullAt(`${REFILLED} - $4::float8`)}
  WHERE ${REFILLED} >= $4::float8 - ${ROUNDING}
  RETURNING tokens`

const LOOK = `
  SELECT least($2::float8, tokens + greatest(0, extract(epoch FROM clock_timestamp() - counted_at)::float8) * $3::float8)
    AS tokens
  FROM buckets WHERE key = $1`

const GIVE_BACK = 'UPDATE buckets SET tokens = least($2::float8, tokens + $3::float8) WHERE key = $1'

/**
 * Token buckets in the first database, for what costs money or is guessed at: they hold for all nodes together and over
 * restarts, and PostgreSQL's clock fills them. While it is away nothing passes.
 */
export class Buckets {
  readonly #database: Database
  readonly #key: Buffer

  /** @param masterKey - keys the hashes of phone numbers and addresses; the same on every node */
  constructor(shards: Shards<Database>, masterKey: Uint8Array | undefined) {
    this.#database = shards.all[0]!
    this.#key = createHmac('sha256', masterKey ?? '')
      .update('buckets')
      .digest()
  }

  /** Takes so many tokens from each bucket, or nothing from any: what an empty one refuses costs the others nothing. */
  async take(buckets: readonly Bucket[], tokens = 1): Promise<BucketsAnswer> {
    const left: number[] = []
    for (const [index, bucket] of buckets.entries()) {
      const rest = await this.#take(bucket, tokens)
      if (rest === undefined) {
        const retryAfterMs = await this.#look(bucket, tokens)
        await this.giveBack(buckets.slice(0, index), tokens)
        return { taken: false, empty: bucket, retryAfterMs }
      }
      left.push(rest)
    }
    return { taken: true, left }
  }

  /** Gives back what was taken for something that then did not happen. */
  async giveBack(buckets: readonly Bucket[], tokens = 1): Promise<void> {
    for (const bucket of buckets) {
      const values = [this.#hash(bucket), bucket.limit.burst, tokens]
      await this.#database.pool.query({ name: 'give-back-to-bucket', text: GIVE_BACK, values })
    }
  }

  /** What is left; undefined: there was not enough, and nothing was taken. */
  async #take(bucket: Bucket, tokens: number): Promise<number | undefined> {
    const { burst, perSecond } = bucket.limit
    if (tokens > burst) return undefined
    const { rows } = await this.#database.pool.query<{ tokens: number }>({
      name: 'take-from-bucket',
      text: TAKE,
      values: [this.#hash(bucket), burst, perSecond, tokens],
    })
    return rows[0]?.tokens
  }

  /** In how many ms there will be enough. */
  async #look(bucket: Bucket, tokens: number): Promise<number> {
    const { burst, perSecond } = bucket.limit
    const { rows } = await this.#database.pool.query<{ tokens: number }>({
      name: 'look-into-bucket',
      text: LOOK,
      values: [this.#hash(bucket), burst, perSecond],
    })
    return Math.max(1, Math.ceil(((tokens - (rows[0]?.tokens ?? burst)) / perSecond) * 1_000))
  }

  #hash({ name, key }: Bucket): Buffer {
    return createHmac('sha256', this.#key).update(`${name}:${key}`).digest().subarray(0, KEY_BYTES)
  }
}
