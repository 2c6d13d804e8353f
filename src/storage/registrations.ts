import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { LockMode } from '@mikro-orm/core'
import type { Clock } from '../shared/clock.ts'
import type { UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import { Device } from './entities/device.ts'
import { Registration } from './entities/registration.ts'
import { User } from './entities/user.ts'
import { matchesSecret } from './secret-hash.ts'
import type { Shards } from './shards.ts'

export interface RegistrationOptions {
  readonly codeLifetimeMs: number
  readonly codeTries: number
  /** So long without use lifts the registration PIN. */
  readonly pinIdleMs: number
  /** Keys the hashes of codes; the same on every node. */
  readonly masterKey: Uint8Array | undefined
}

export type ClaimAnswer =
  /** The code is right, and the caller alone may now register the device. */
  | { readonly outcome: 'claimed' }
  | { readonly outcome: 'wrong code'; readonly triesLeft: number }
  | { readonly outcome: 'pin required' }
  | { readonly outcome: 'wrong pin'; readonly triesLeft: number }
  /** Another request gave the right code and is registering the device. */
  | { readonly outcome: 'busy' }

/** A request that died while it registered a device blocks the number no longer than this. */
const CLAIM_MS = 30_000

/** Verification codes: who asked for one, and whether they know it. */
export class Registrations {
  readonly #shards: Shards<Database>
  readonly #options: RegistrationOptions
  readonly #clock: Clock
  readonly #key: Buffer

  constructor(shards: Shards<Database>, options: RegistrationOptions, clock: Clock) {
    this.#shards = shards
    this.#options = options
    this.#clock = clock
    this.#key = createHmac('sha256', options.masterKey ?? '')
      .update('verification codes')
      .digest()
  }

  /** Six digits. */
  createCode(): string {
    return String(randomInt(1_000_000)).padStart(6, '0')
  }

  /** Rejects when the user's database is away: nothing should be sent then. */
  async probe(user: UserId): Promise<void> {
    await this.#shards.run(user, (database) => database.fork().count(Registration, { userId: user }))
  }

  /** From now on this code, and no earlier one, registers the number. */
  async store(user: UserId, code: string): Promise<void> {
    const codeSalt = randomBytes(16)
    await this.#shards.run(user, (database) =>
      database.fork().upsert(Registration, {
        userId: user,
        codeSalt,
        codeHash: this.#hash(user, codeSalt, code),
        triesLeft: this.#options.codeTries,
        expiresAt: new Date(this.#clock.now() + this.#options.codeLifetimeMs),
        claimedUntil: null,
      }),
    )
  }

  /** Tries a code, and the PIN if the account has one in force. A wrong one of either uses up a try. */
  async claim(user: UserId, code: string, pin: string | undefined): Promise<ClaimAnswer> {
    const now = this.#clock.now()
    return this.#shards.run(user, (database) =>
      database.fork().transactional(async (em): Promise<ClaimAnswer> => {
        const row = await em.findOne(Registration, { userId: user }, { lockMode: LockMode.PESSIMISTIC_WRITE })
        if (row === null || row.triesLeft <= 0 || row.expiresAt.getTime() <= now) {
          return { outcome: 'wrong code', triesLeft: 0 }
        }
        if (!timingSafeEqual(row.codeHash, this.#hash(user, row.codeSalt, code))) {
          row.triesLeft--
          return { outcome: 'wrong code', triesLeft: row.triesLeft }
        }
        if ((row.claimedUntil?.getTime() ?? 0) > now) return { outcome: 'busy' }
        const account = await em.findOne(User, { userId: user })
        if (account?.pinHash && this.#pinInForce(account, await em.find(Device, { userId: user }), now)) {
          if (pin === undefined) return { outcome: 'pin required' }
          if (!(await matchesSecret(pin, account.pinHash))) {
            row.triesLeft--
            return { outcome: 'wrong pin', triesLeft: row.triesLeft }
          }
        }
        row.claimedUntil = new Date(now + CLAIM_MS)
        return { outcome: 'claimed' }
      }),
    )
  }

  /** Gives a claim back after a failure, so that the same code may be tried again. */
  async unclaim(user: UserId): Promise<void> {
    await this.#shards.run(user, (database) =>
      database.fork().nativeUpdate(Registration, { userId: user }, { claimedUntil: null }),
    )
  }

  #pinInForce(account: User, devices: readonly Device[], now: number): boolean {
    const lastUse = Math.max(account.pinSetAt?.getTime() ?? 0, ...devices.map((one) => one.lastUsedAt.getTime()))
    return now - lastUse < this.#options.pinIdleMs
  }

  #hash(user: UserId, salt: Uint8Array, code: string): Buffer {
    return createHmac('sha256', this.#key).update(salt).update(`${user}:${code}`).digest()
  }
}
