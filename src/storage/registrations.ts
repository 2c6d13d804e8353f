import { hash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { UserId } from '../shared/ids.ts'
import { createKeyedHash } from '../shared/keyed-hash.ts'
import type { KeyedHash } from '../shared/keyed-hash.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'
import { inTransaction } from './transaction.ts'

export interface RegistrationOptions {
  readonly codeLifetimeMs: number
  /** Of each asking. */
  readonly codeTries: number
  /** So long without use lifts the registration PIN. */
  readonly pinIdleMs: number
  /** Keys the hashes of codes; the same on every node. */
  readonly masterKey: Uint8Array | undefined
}

/** Who asked for a code, as the database names it: the hash of the secret that whoever asked has. */
export type Asking = Buffer

/** What somebody who asked for a code is given. */
export interface Asked {
  /** 16 bytes as base64url. Whoever has it has tries that nobody else uses up. */
  readonly session: string
  readonly expiresInMs: number
}

export type CodeAnswer =
  /** The PIN that is demanded too, hashed, if one is in force. */
  | { readonly outcome: 'right'; readonly asking: Asking; readonly pinHash: string | undefined }
  /** `triesLeft` is of the asking; undefined: it was tried without one. */
  | { readonly outcome: 'wrong'; readonly triesLeft: number | undefined }
  /** Nobody asked who has this session, its time is over, or its tries are used up. */
  | { readonly outcome: 'unknown' }

export type ClaimOutcome =
  /** The caller alone may now register the device. */
  | 'claimed'
  /** Another request gave a right code and is registering the device. */
  | 'busy'
  /** Another one has registered it: the code is used up. */
  | 'gone'

const SESSION_BYTES = 16
/** A request that died while it registered a device blocks the number no longer than this. */
const CLAIM_MS = 30_000
/** Codes that a try without a session is compared with: the newest. More would make guessing easier. */
const COMPARED_CODES = 3

interface CodeRow {
  session_hash: Buffer
  code_salt: Buffer
  code_hash: Buffer
  tries_left: number
}

/**
 * Verification codes: who asked for one, and whether they know it. Askings for one number live side by side: each has a
 * secret, tries of its own, and a code that stays good until it expires, whatever others ask and try.
 */
export class Registrations {
  readonly #shards: Shards<Database>
  readonly #options: RegistrationOptions
  readonly #keyedHash: KeyedHash

  constructor(shards: Shards<Database>, options: RegistrationOptions) {
    this.#shards = shards
    this.#options = options
    this.#keyedHash = createKeyedHash(options.masterKey ?? '', 'verification codes')
  }

  /** Six digits. */
  createCode(): string {
    return String(randomInt(1_000_000)).padStart(6, '0')
  }

  /** Rejects when the user's database is away: nothing should be sent then. */
  async probe(user: UserId): Promise<void> {
    await this.#shards.run(user, ({ pool }) => pool.query('SELECT FROM askings WHERE user_id = $1 LIMIT 1', [user]))
  }

  /** A code was sent: whoever has the session may give it. */
  async store(user: UserId, code: string): Promise<Asked> {
    const { codeTries, codeLifetimeMs } = this.#options
    const session = randomBytes(SESSION_BYTES).toString('base64url')
    const salt = randomBytes(16)
    const codeColumns = [salt, this.#hash(user, salt, code), codeTries, codeLifetimeMs]
    await this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, async (client) => {
        await client.query(
          `INSERT INTO askings (user_id, session_hash, code_salt, code_hash, tries_left, expires_at)
           VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 ms')`,
          [user, hashSession(session), ...codeColumns],
        )
        await client.query(
          `INSERT INTO registrations (user_id, code_salt, code_hash, tries_left, expires_at)
           VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 ms')
           ON CONFLICT (user_id) DO UPDATE
           SET code_salt = excluded.code_salt, code_hash = excluded.code_hash, tries_left = excluded.tries_left,
               expires_at = excluded.expires_at`,
          [user, ...codeColumns],
        )
      }),
    )
    return { session, expiresInMs: codeLifetimeMs }
  }

  /**
   * No code can be sent now, but the phone has one that was: whoever has the new session may give that one.
   * Undefined: no code of this number is good.
   */
  async share(user: UserId): Promise<Asked | undefined> {
    const session = randomBytes(SESSION_BYTES).toString('base64url')
    const { rows } = await this.#shards.run(user, ({ pool }) =>
      pool.query<{ left_ms: number }>(
        `INSERT INTO askings (user_id, session_hash, code_salt, code_hash, tries_left, expires_at)
         SELECT user_id, $2, code_salt, code_hash, $3, expires_at FROM askings
         WHERE user_id = $1 AND expires_at > clock_timestamp() ORDER BY expires_at DESC LIMIT 1
         RETURNING (extract(epoch FROM expires_at - clock_timestamp()) * 1000)::float8 AS left_ms`,
        [user, hashSession(session), this.#options.codeTries],
      ),
    )
    const [shared] = rows
    return shared && { session, expiresInMs: shared.left_ms }
  }

  /** Tries a code. A wrong one uses up a try of its session; without a session the caller counts it. */
  tryCode(user: UserId, code: string, session: string | undefined): Promise<CodeAnswer> {
    return this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, async (client): Promise<CodeAnswer> => {
        if (session !== undefined) return this.#tryWith(client, user, code, hashSession(session))
        await this.#adopt(client, user)
        const asking = await this.#find(client, user, code)
        return asking === undefined ? { outcome: 'wrong', triesLeft: undefined } : this.#right(client, user, asking)
      }),
    )
  }

  /** Takes a try of an asking, for a PIN: what is left then. Undefined: none was left. */
  async takeTry(user: UserId, asking: Asking): Promise<number | undefined> {
    const { rows } = await this.#shards.run(user, ({ pool }) =>
      pool.query<{ tries_left: number }>(
        `UPDATE askings SET tries_left = tries_left - 1
         WHERE user_id = $1 AND session_hash = $2 AND tries_left > 0 RETURNING tries_left`,
        [user, asking],
      ),
    )
    return rows[0]?.tries_left
  }

  /** The PIN was right. */
  async giveTryBack(user: UserId, asking: Asking): Promise<void> {
    await this.#shards.run(user, ({ pool }) =>
      pool.query('UPDATE askings SET tries_left = tries_left + 1 WHERE user_id = $1 AND session_hash = $2', [
        user,
        asking,
      ]),
    )
  }

  /** The number is claimed, not the asking: two who know codes of it do not register at the same time. */
  async claim(user: UserId, asking: Asking): Promise<ClaimOutcome> {
    return this.#shards.run(user, async ({ pool }) => {
      const claimed = await pool.query(
        `UPDATE registrations SET claimed_until = clock_timestamp() + $3 * interval '1 ms'
         WHERE user_id = $1 AND (claimed_until IS NULL OR claimed_until <= clock_timestamp())
           AND EXISTS (SELECT FROM askings WHERE user_id = $1 AND session_hash = $2)`,
        [user, asking, CLAIM_MS],
      )
      if (claimed.rowCount === 1) return 'claimed'
      const held = await pool.query(
        'SELECT FROM registrations WHERE user_id = $1 AND claimed_until > clock_timestamp()',
        [user],
      )
      return held.rowCount === 0 ? 'gone' : 'busy'
    })
  }

  /** Gives a claim back after a failure, so that the same code may be tried again. */
  async unclaim(user: UserId): Promise<void> {
    await this.#shards.run(user, ({ pool }) =>
      pool.query('UPDATE registrations SET claimed_until = NULL WHERE user_id = $1', [user]),
    )
  }

  async #tryWith(client: ClientBase, user: UserId, code: string, asking: Asking): Promise<CodeAnswer> {
    const { rows } = await client.query<CodeRow>(
      `SELECT session_hash, code_salt, code_hash, tries_left FROM askings
       WHERE user_id = $1 AND session_hash = $2 AND expires_at > clock_timestamp() AND tries_left > 0 FOR UPDATE`,
      [user, asking],
    )
    const [row] = rows
    if (row === undefined) return { outcome: 'unknown' }
    if (this.#matches(user, code, row)) return this.#right(client, user, asking)
    await client.query('UPDATE askings SET tries_left = tries_left - 1 WHERE user_id = $1 AND session_hash = $2', [
      user,
      asking,
    ])
    return { outcome: 'wrong', triesLeft: row.tries_left - 1 }
  }

  /** A code that a node of version 0.1 sent is one of an asking whose secret nobody has. */
  async #adopt(client: ClientBase, user: UserId): Promise<void> {
    await client.query(
      `INSERT INTO askings (user_id, session_hash, code_salt, code_hash, tries_left, expires_at)
       SELECT user_id, code_salt, code_salt, code_hash, tries_left, expires_at FROM registrations r
       WHERE user_id = $1
         AND NOT EXISTS (SELECT FROM askings a WHERE a.user_id = r.user_id AND a.code_salt = r.code_salt)
       ON CONFLICT DO NOTHING`,
      [user],
    )
  }

  /** An asking with this code, among those with the newest codes. */
  async #find(client: ClientBase, user: UserId, code: string): Promise<Asking | undefined> {
    const { rows } = await client.query<CodeRow>(
      `SELECT session_hash, code_salt, code_hash FROM (
         SELECT DISTINCT ON (code_salt) * FROM askings
         WHERE user_id = $1 AND expires_at > clock_timestamp() ORDER BY code_salt
       ) codes ORDER BY expires_at DESC LIMIT ${COMPARED_CODES}`,
      [user],
    )
    return rows.find((row) => this.#matches(user, code, row))?.session_hash
  }

  async #right(client: ClientBase, user: UserId, asking: Asking): Promise<CodeAnswer> {
    const { rows } = await client.query<{ pin_hash: string; idle_ms: number | null }>(
      `SELECT pin_hash, (1000 * extract(epoch FROM clock_timestamp() - greatest(
         pin_set_at, (SELECT max(last_used_at) FROM devices d WHERE d.user_id = u.user_id))))::float8 AS idle_ms
       FROM users u WHERE user_id = $1 AND pin_hash IS NOT NULL`,
      [user],
    )
    const [pin] = rows
    const inForce = pin !== undefined && (pin.idle_ms ?? Infinity) < this.#options.pinIdleMs
    return { outcome: 'right', asking, pinHash: inForce ? pin.pin_hash : undefined }
  }

  #matches(user: UserId, code: string, row: CodeRow): boolean {
    return timingSafeEqual(row.code_hash, this.#hash(user, row.code_salt, code))
  }

  #hash(user: UserId, salt: Uint8Array, code: string): Buffer {
    return this.#keyedHash(salt, `${user}:${code}`)
  }
}

function hashSession(session: string): Asking {
  return hash('sha256', session, 'buffer')
}
