import { randomUUID } from 'node:crypto'
import type { Clock } from '../shared/clock.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import { Device } from './entities/device.ts'
import { IdempotencyKey } from './entities/idempotency-key.ts'
import { Registration } from './entities/registration.ts'
import { User } from './entities/user.ts'
import { type LastSeenChoice, parseLastSeenChoice } from './privacy.ts'
import { hashSecret } from './secret-hash.ts'
import type { Shards } from './shards.ts'
import { createToken, hashToken } from './token.ts'

export type RemovalReason = 'registered again' | 'account deleted'

/** What the rest of the node does about changes of accounts. */
export interface AccountHooks {
  /** The user has other devices than before, or is gone. */
  onDevicesChanged(user: UserId): void
  /** The device's token is void: its session must end. */
  onDeviceRemoved(address: Address, reason: RemovalReason): void
  /** Others may see the user, or the user others, who could not, or the other way round. */
  onPrivacyChanged(user: UserId): void
  /** Sends what waits in the mailbox of a removed device back to its senders, as expired, and empties it. */
  returnMailbox(address: Address): Promise<void>
}

export interface NewDevice {
  readonly name: string
  readonly platform: string
  readonly hosted: boolean
}

export interface Account {
  readonly user: UserId
  readonly name: string
  readonly about: string
  readonly hasPin: boolean
  /** To whom the user shows their presence. */
  readonly lastSeen: LastSeenChoice
  readonly createdAt: Date
  readonly devices: readonly Pick<Device, 'device' | 'name' | 'platform' | 'hosted' | 'createdAt' | 'lastUsedAt'>[]
}

/** What is left out stays as it is; a null PIN removes it. */
export interface AccountChange {
  readonly name?: string | undefined
  readonly about?: string | undefined
  readonly pin?: string | null | undefined
  readonly lastSeen?: LastSeenChoice | undefined
}

const PRIMARY = 1 as DeviceId

/** Users and their devices. */
export class Accounts {
  readonly #shards: Shards<Database>
  readonly #clock: Clock
  readonly #hooks: AccountHooks

  constructor(shards: Shards<Database>, clock: Clock, hooks: AccountHooks) {
    this.#shards = shards
    this.#clock = clock
    this.#hooks = hooks
  }

  /**
   * Makes the device the user's primary and only one. The caller holds the claim of the number's code, which ends here.
   * Older devices go first, then their mailboxes, then the new one comes: nothing of theirs reaches it.
   */
  async registerPrimary(user: UserId, device: NewDevice): Promise<{ address: Address; token: string; again: boolean }> {
    const removed = await this.#removeDevices(user, 'registered again')
    // Also without an older device: a deleted account may have left something.
    const mailboxes = new Set<DeviceId>([PRIMARY, ...removed])
    for (const one of mailboxes) await this.#hooks.returnMailbox({ user, device: one })

    const address: Address = { user, device: PRIMARY }
    const token = createToken(address)
    const now = new Date(this.#clock.now())
    await this.#shards.run(user, (database) =>
      database.fork().transactional(async (em) => {
        await em.upsert(User, { userId: user, name: '', about: '', createdAt: now }, { onConflictAction: 'ignore' })
        em.create(Device, {
          ...device,
          userId: user,
          device: PRIMARY,
          registration: randomUUID(),
          registrationId: 0,
          tokenHash: hashToken(token),
          connectionNumber: 0,
          createdAt: now,
          lastUsedAt: now,
        })
        await em.nativeDelete(Registration, { userId: user })
      }),
    )
    this.#hooks.onDevicesChanged(user)
    return { address, token, again: removed.length > 0 }
  }

  find(user: UserId): Promise<Account | undefined> {
    return this.#shards.run(user, (database) => this.#find(database, user))
  }

  async #find(database: Database, user: UserId): Promise<Account | undefined> {
    const em = database.fork()
    const found = await em.findOne(User, { userId: user })
    if (found === null) return undefined
    const devices = await em.find(Device, { userId: user }, { orderBy: { device: 'asc' } })
    const { name, about, createdAt } = found
    const lastSeen = parseLastSeenChoice(found.lastSeenTo)
    return { user, name, about, createdAt, hasPin: found.pinHash !== null, lastSeen, devices }
  }

  async change(user: UserId, change: AccountChange): Promise<void> {
    const pin: Partial<Pick<User, 'pinHash' | 'pinSetAt'>> =
      change.pin === undefined
        ? {}
        : change.pin === null
          ? { pinHash: null, pinSetAt: null }
          : { pinHash: await hashSecret(change.pin), pinSetAt: new Date(this.#clock.now()) }
    const profile = {
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.about === undefined ? {} : { about: change.about }),
      ...(change.lastSeen === undefined ? {} : { lastSeenTo: change.lastSeen }),
    }
    await this.#shards.run(user, (database) =>
      database.fork().nativeUpdate(User, { userId: user }, { ...profile, ...pin }),
    )
    if (change.lastSeen !== undefined) this.#hooks.onPrivacyChanged(user)
  }

  /** Removes the account and everything of it. What others still had under way to it comes back to them as expired. */
  async delete(user: UserId): Promise<void> {
    const removed = await this.#shards.run(user, (database) =>
      database.fork().transactional(async (em) => {
        const devices = await em.find(Device, { userId: user })
        await em.nativeDelete(Device, { userId: user })
        await em.nativeDelete(User, { userId: user })
        await em.nativeDelete(Registration, { userId: user })
        await em.nativeDelete(IdempotencyKey, { userId: user })
        return devices.map(({ device }) => device)
      }),
    )
    this.#announce(user, removed, 'account deleted')
    for (const device of removed) await this.#hooks.returnMailbox({ user, device })
  }

  async #removeDevices(user: UserId, reason: RemovalReason): Promise<DeviceId[]> {
    const text = 'DELETE FROM devices WHERE user_id = $1 RETURNING device'
    const { rows } = await this.#shards.run(user, ({ pool }) => pool.query<{ device: DeviceId }>(text, [user]))
    const removed = rows.map(({ device }) => device)
    if (removed.length > 0) this.#announce(user, removed, reason)
    return removed
  }

  #announce(user: UserId, removed: readonly DeviceId[], reason: RemovalReason): void {
    this.#hooks.onDevicesChanged(user)
    for (const device of removed) this.#hooks.onDeviceRemoved({ user, device }, reason)
  }
}
