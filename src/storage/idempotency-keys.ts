import type { Pool } from 'pg'
import type { UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'

export interface IdempotentRequest {
  readonly user: UserId
  /** Names the request among those of the user. */
  readonly keyHash: Buffer
  /** Of what it asks for. */
  readonly requestHash: Buffer
}

export type IdempotencyClaim =
  /** The caller alone shall carry the request out now. */
  | { readonly outcome: 'claimed' }
  | { readonly outcome: 'answered'; readonly response: Buffer }
  /** Somebody carries it out now. */
  | { readonly outcome: 'busy' }
  /** The key was used for something else. */
  | { readonly outcome: 'conflict' }

/** A request that died on the way may be carried out again after it. */
const CLAIM_MS = 60_000
/** One claim in so many looks whether its user has too many keys: the bound is passed by about that many. */
const PRUNE_EVERY = 256

export interface IdempotencyOptions {
  readonly idempotencyLifetimeMs: number
  /** Of a user; beyond it the oldest are forgotten before their time. */
  readonly maxIdempotencyKeys: number
}

/** Remembers requests that must have their effect once, and their answers. */
export class IdempotencyKeys {
  readonly #shards: Shards<Database>
  readonly #options: IdempotencyOptions
  readonly #random: () => number

  constructor(shards: Shards<Database>, options: IdempotencyOptions, random = Math.random) {
    this.#shards = shards
    this.#options = options
    this.#random = random
  }

  claim(request: IdempotentRequest): Promise<IdempotencyClaim> {
    return this.#shards.run(request.user, ({ pool }) => this.#claim(pool, request))
  }

  async #claim(pool: Pool, { user, keyHash, requestHash }: IdempotentRequest): Promise<IdempotencyClaim> {
    const claimed = await pool.query({
      name: 'claim-idempotency-key',
      text: `
        INSERT INTO idempotency_keys AS k (user_id, key_hash, request_hash, claimed_until, expires_at)
        VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms', clock_timestamp() + $5 * interval '1 ms')
        ON CONFLICT (user_id, key_hash) DO UPDATE
        SET request_hash = excluded.request_hash, response = NULL,
            claimed_until = excluded.claimed_until, expires_at = excluded.expires_at
        WHERE k.expires_at <= clock_timestamp()
           OR (k.response IS NULL AND k.claimed_until <= clock_timestamp() AND k.request_hash = excluded.request_hash)`,
      values: [user, keyHash, requestHash, CLAIM_MS, this.#options.idempotencyLifetimeMs],
    })
    if (claimed.rowCount === 1) {
      // Nobody can choose keys that are never looked at.
      if (this.#random() < 1 / PRUNE_EVERY) await this.#prune(pool, user)
      return { outcome: 'claimed' }
    }
    const found = await pool.query<{ request_hash: Buffer; response: Buffer | null }>({
      name: 'find-idempotency-key',
      text: 'SELECT request_hash, response FROM idempotency_keys WHERE user_id = $1 AND key_hash = $2',
      values: [user, keyHash],
    })
    const row = found.rows[0]
    if (row !== undefined && !row.request_hash.equals(requestHash)) return { outcome: 'conflict' }
    if (row?.response) return { outcome: 'answered', response: row.response }
    return { outcome: 'busy' }
  }

  async #prune(pool: Pool, user: UserId): Promise<void> {
    await pool.query(
      `DELETE FROM idempotency_keys WHERE user_id = $1 AND expires_at < (
         SELECT expires_at FROM idempotency_keys WHERE user_id = $1 ORDER BY expires_at DESC OFFSET $2 LIMIT 1)`,
      [user, this.#options.maxIdempotencyKeys - 1],
    )
  }

  async answer({ user, keyHash }: IdempotentRequest, response: Buffer): Promise<void> {
    const query = {
      name: 'answer-idempotency-key',
      text: 'UPDATE idempotency_keys SET response = $3 WHERE user_id = $1 AND key_hash = $2',
      values: [user, keyHash, response],
    }
    await this.#shards.run(user, ({ pool }) => pool.query(query))
  }

  /** Nothing came of the request: the same may be tried again. */
  async release({ user, keyHash }: IdempotentRequest): Promise<void> {
    const query = {
      name: 'release-idempotency-key',
      text: 'DELETE FROM idempotency_keys WHERE user_id = $1 AND key_hash = $2 AND response IS NULL',
      values: [user, keyHash],
    }
    await this.#shards.run(user, ({ pool }) => pool.query(query))
  }
}
