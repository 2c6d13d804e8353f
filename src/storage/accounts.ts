import { raw } from '@mikro-orm/core'
import type { ClientBase } from 'pg'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import { deleteChain, findTip, follows, insertList, ListConflictError } from './device-lists.ts'
import type { ListTip, SignedCert, SignedList } from './device-lists.ts'
import { putList } from './list-change.ts'
import type { ListChange } from './list-change.ts'
import { insertDevice } from './devices.ts'
import { Device } from './entities/device.ts'
import { User } from './entities/user.ts'
import { storePreKeys } from './pre-keys.ts'
import type { PreKeySupply } from './pre-keys.ts'
import { type LastSeenChoice, parseLastSeenChoice } from './privacy.ts'
import { hashSecret } from './secret-hash.ts'
import type { Shards } from './shards.ts'
import { issueToken } from './token-issue.ts'
import { inTransaction } from './transaction.ts'

export type RemovalReason = 'registered again' | 'account deleted' | 'taken off the list' | 'logged out'

/** What the rest of the node does about changes of accounts. */
export interface AccountHooks {
  /** The user has other devices than before, or is gone. */
  onDevicesChanged(user: UserId): void
  /** The device's token is void: its session must end. Resolves when it has. */
  onDeviceRemoved(address: Address, reason: RemovalReason): Promise<void> | void
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

/** Keys of a device that is registered, checked; `list` names it alone. */
export interface NewDeviceKeys {
  readonly list: SignedList
  readonly cert: SignedCert
  readonly preKeys: PreKeySupply
}

export interface Registered {
  readonly address: Address
  readonly token: string
  readonly again: boolean
  /** The account has another key than before. */
  readonly newIdentity: boolean
}

export interface Account {
  readonly user: UserId
  readonly name: string
  readonly about: string
  readonly hasPin: boolean
  /** To whom the user shows their presence. */
  readonly lastSeen: LastSeenChoice
  readonly createdAt: Date
  readonly devices: readonly Pick<
    Device,
    'device' | 'name' | 'platform' | 'hosted' | 'registrationId' | 'createdAt' | 'lastUsedAt'
  >[]
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
  readonly #hooks: AccountHooks

  constructor(shards: Shards<Database>, hooks: AccountHooks) {
    this.#shards = shards
    this.#hooks = hooks
  }

  /**
   * Makes the device the user's primary and only one. The caller holds the claim of the number's code, which ends here.
   * Older devices go first, then their mailboxes, then the new one comes: nothing of theirs reaches it. Under another
   * account key than before a new chain of device lists begins.
   * @throws ListConflictError when the list does not continue the chain of the account
   */
  async registerPrimary(user: UserId, device: NewDevice, keys?: NewDeviceKeys): Promise<Registered> {
    if (keys !== undefined) {
      await this.#shards.run(user, async ({ pool }) => requireNext(keys.list, await findTip(pool, user)))
    }
    const removed = await this.#removeDevices(user, 'registered again')
    // Also without an older device: a deleted account may have left something.
    const mailboxes = new Set<DeviceId>([PRIMARY, ...removed])
    for (const one of mailboxes) await this.#hooks.returnMailbox({ user, device: one })

    const address: Address = { user, device: PRIMARY }
    const token = await issueToken(this.#shards, address)
    const registrationId = keys?.cert.registrationId ?? 0
    const newIdentity = await this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, async (client) => {
        await client.query('INSERT INTO users (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [user])
        await insertDevice(client, address, token, { ...device, registrationId })
        const changed = keys !== undefined && (await storeKeys(client, address, keys))
        await client.query('DELETE FROM registrations WHERE user_id = $1', [user])
        await client.query('DELETE FROM askings WHERE user_id = $1', [user])
        return changed
      }),
    )
    this.#hooks.onDevicesChanged(user)
    return { address, token, again: removed.length > 0, newIdentity }
  }

  /**
   * Makes this the newest list of the user's devices. Those that it leaves out lose their rows, tokens and keys with it,
   * then their sessions, and what waited for them goes back.
   * @throws ListConflictError when it is not the next of the chain, ListRefusedError
   */
  async putList(user: UserId, list: SignedList, certs: readonly SignedCert[]): Promise<ListChange> {
    const change = await this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, (client) => putList(client, user, list, certs)),
    )
    if (change.removed.length > 0) await this.removed(user, change.removed, 'taken off the list')
    else this.#hooks.onDevicesChanged(user)
    return change
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
    const pin =
      change.pin === undefined
        ? {}
        : change.pin === null
          ? { pinHash: null, pinSetAt: null }
          : { pinHash: await hashSecret(change.pin), pinSetAt: raw('clock_timestamp()') }
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
    const removed = await this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, async (client) => {
        const text = 'DELETE FROM devices WHERE user_id = $1 RETURNING device'
        const { rows } = await client.query<{ device: DeviceId }>(text, [user])
        for (const table of ['users', 'registrations', 'askings', 'idempotency_keys']) {
          await client.query(`DELETE FROM ${table} WHERE user_id = $1`, [user])
        }
        return rows.map(({ device }) => device)
      }),
    )
    await this.#announce(user, removed, 'account deleted')
    for (const device of removed) await this.#hooks.returnMailbox({ user, device })
  }

  /** Removes one device and everything of it. False: there is none. */
  async removeDevice({ user, device }: Address): Promise<boolean> {
    const text = 'DELETE FROM devices WHERE user_id = $1 AND device = $2'
    const { rowCount } = await this.#shards.run(user, ({ pool }) => pool.query(text, [user, device]))
    if (rowCount === 0) return false
    await this.removed(user, [device], 'logged out')
    return true
  }

  /** To be called when devices have lost their rows: their sessions end, and their mailboxes go back. */
  async removed(user: UserId, devices: readonly DeviceId[], reason: RemovalReason): Promise<void> {
    await this.#announce(user, devices, reason)
    for (const device of devices) await this.#hooks.returnMailbox({ user, device })
  }

  async #removeDevices(user: UserId, reason: RemovalReason): Promise<DeviceId[]> {
    const text = 'DELETE FROM devices WHERE user_id = $1 RETURNING device'
    const { rows } = await this.#shards.run(user, ({ pool }) => pool.query<{ device: DeviceId }>(text, [user]))
    const removed = rows.map(({ device }) => device)
    if (removed.length > 0) await this.#announce(user, removed, reason)
    return removed
  }

  async #announce(user: UserId, removed: readonly DeviceId[], reason: RemovalReason): Promise<void> {
    this.#hooks.onDevicesChanged(user)
    await Promise.all(removed.map((device) => this.#hooks.onDeviceRemoved({ user, device }, reason)))
  }
}

/** Whether the account has another key than before. */
async function storeKeys(client: ClientBase, address: Address, keys: NewDeviceKeys): Promise<boolean> {
  const { user } = address
  await client.query('SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE', [user])
  const tip = await findTip(client, user)
  requireNext(keys.list, tip)
  const newIdentity = tip !== undefined && !tip.accountKey.equals(keys.list.accountKey)
  if (newIdentity) await deleteChain(client, user, tip.accountKey)
  await insertList(client, user, keys.list, [keys.cert])
  await storePreKeys(client, address, keys.preKeys)
  return newIdentity
}

/** A list under the account's key must continue its chain; one under another key begins a new one. */
function requireNext(list: SignedList, tip: ListTip | undefined): void {
  const continued = tip?.accountKey.equals(list.accountKey) ? tip : undefined
  if (!follows(list, continued)) throw new ListConflictError(continued?.bytes)
}
