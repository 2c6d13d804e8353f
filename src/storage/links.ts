import { hash } from 'node:crypto'
import { MAX_DEVICES } from '../shared/ids.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { AccountHooks, NewDevice } from './accounts.ts'
import type { Database } from './database.ts'
import type { SignedCert } from './device-lists.ts'
import { insertDevice } from './devices.ts'
import { storePreKeys } from './pre-keys.ts'
import type { PreKeySupply } from './pre-keys.ts'
import type { Shards } from './shards.ts'
import { issueToken } from './token-issue.ts'
import { inTransaction } from './transaction.ts'

export interface LinkClaim {
  readonly address: Address
  readonly linkToken: Uint8Array
  readonly cert: SignedCert
  readonly preKeys: PreKeySupply
  readonly device: Omit<NewDevice, 'hosted'>
}

type LinkHooks = Pick<AccountHooks, 'onDevicesChanged' | 'returnMailbox'>

export type ClaimOutcome =
  | { readonly outcome: 'claimed'; readonly token: string }
  /** The token is wrong, expired or used up. */
  | { readonly outcome: 'refused' }
  /** The newest list has no such certificate. */
  | { readonly outcome: 'not listed' }

/** Places for devices that a primary links: kept for a short time, and claimed once. */
export class Links {
  readonly #shards: Shards<Database>
  readonly #hooks: LinkHooks
  readonly #lifetimeMs: number

  constructor(shards: Shards<Database>, hooks: LinkHooks, lifetimeMs: number) {
    this.#shards = shards
    this.#hooks = hooks
    this.#lifetimeMs = lifetimeMs
  }

  /** Keeps the lowest free place for whoever has the token. Undefined: there is none. */
  reserve(user: UserId, linkToken: Uint8Array): Promise<DeviceId | undefined> {
    return this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, async (client) => {
        await client.query('SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE', [user])
        const { rows } = await client.query<{ device: DeviceId }>(
          `INSERT INTO link_reservations AS r (user_id, device, token_hash, expires_at)
           SELECT $1, free, $2, clock_timestamp() + $3 * interval '1 ms' FROM generate_series(2, ${MAX_DEVICES}) AS free
           WHERE NOT EXISTS (SELECT FROM devices d WHERE d.user_id = $1 AND d.device = free)
             AND NOT EXISTS (SELECT FROM device_certs c WHERE c.user_id = $1 AND c.device = free)
             AND NOT EXISTS (
               SELECT FROM link_reservations l
               WHERE l.user_id = $1 AND l.device = free AND l.expires_at > clock_timestamp())
           ORDER BY free LIMIT 1
           ON CONFLICT (user_id, device) DO UPDATE
           SET token_hash = excluded.token_hash, expires_at = excluded.expires_at
           RETURNING device`,
          [user, hashLinkToken(linkToken), this.#lifetimeMs],
        )
        return rows[0]?.device
      }),
    )
  }

  /**
   * Gives the place to the device, which gets its token. What an earlier device of the place left goes back first.
   * @throws PreKeysRefusedError
   */
  async claim(claim: LinkClaim): Promise<ClaimOutcome> {
    const { address } = claim
    const { user } = address
    await this.#hooks.returnMailbox(address)
    const token = await issueToken(this.#shards, address)
    const answer = await this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, async (client): Promise<ClaimOutcome> => {
        // So that no list takes effect meanwhile.
        await client.query('SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE', [user])
        const listed = await client.query('SELECT FROM device_certs WHERE user_id = $1 AND device = $2 AND hash = $3', [
          user,
          address.device,
          claim.cert.hash,
        ])
        if (listed.rowCount === 0) return { outcome: 'not listed' }
        const reserved = await client.query(
          `DELETE FROM link_reservations
           WHERE user_id = $1 AND device = $2 AND token_hash = $3 AND expires_at > clock_timestamp()`,
          [user, address.device, hashLinkToken(claim.linkToken)],
        )
        if (reserved.rowCount === 0) return { outcome: 'refused' }
        const { registrationId, hosted } = claim.cert
        const facts = { ...claim.device, registrationId, hosted }
        await insertDevice(client, address, token, facts)
        await storePreKeys(client, address, claim.preKeys)
        return { outcome: 'claimed', token }
      }),
    )
    if (answer.outcome === 'claimed') this.#hooks.onDevicesChanged(user)
    return answer
  }

  /** Whether this token claims the place now. */
  async isReserved({ user, device }: Address, linkToken: Uint8Array): Promise<boolean> {
    const text = `
      SELECT FROM link_reservations
      WHERE user_id = $1 AND device = $2 AND token_hash = $3 AND expires_at > clock_timestamp()`
    const values = [user, device, hashLinkToken(linkToken)]
    const { rowCount } = await this.#shards.run(user, ({ pool }) => pool.query(text, values))
    return rowCount === 1
  }
}

function hashLinkToken(linkToken: Uint8Array): Buffer {
  return hash('sha256', linkToken, 'buffer')
}
