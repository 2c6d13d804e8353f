import { LRUCache } from 'lru-cache'
import { DeviceState } from '../../../client/device-state.ts'
import { choosePrimitives } from '../../../client/crypto/primitives/platform.ts'
import { makeKeys, markPublished } from '../../../client/secrecy/own-keys.ts'
import type { FirstKeys } from '../../../client/secrecy/key-server.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import { BufferedTransaction } from '../../../client/store.ts'
import type { HostedMailbox } from '../../actors/hosted-device.ts'
import type { CheckedClock } from '../../../client/server-clock.ts'
import { addressKey } from '../../shared/ids.ts'
import type { Address } from '../../shared/ids.ts'
import { RefusalError } from '../../shared/refusal.ts'
import { HostedDeviceGoneError } from '../../storage/hosted-records.ts'
import { HostedDevice } from './hosted-device.ts'
import type { HostedStores } from './hosted-stores.ts'
import { LocalKeyServer } from './local-key-server.ts'
import type { LocalKeyServerParts } from './local-key-server.ts'

export interface HostedAccountsParts extends LocalKeyServerParts {
  readonly stores: HostedStores
  readonly mailbox: HostedMailbox
  readonly clock: CheckedClock
  /** Devices whose engines are kept, at most. */
  readonly maxOpen: number
  readonly failed: (error: unknown) => void
}

/** The secrets of a device that is being registered: to be stored once it is. */
export interface PreparedDevice {
  readonly registrationId: number
  readonly keys: FirstKeys
  readonly records: ReadonlyMap<string, Uint8Array | undefined>
}

/** The devices that live in the server. */
export class HostedAccounts {
  readonly #parts: HostedAccountsParts
  /** Engines hold nothing that the store does not have: one may be dropped at any time. */
  readonly #open: LRUCache<number, Promise<HostedDevice>>

  constructor(parts: HostedAccountsParts) {
    this.#parts = parts
    this.#open = new LRUCache({ max: parts.maxOpen })
  }

  /** Makes the keys of a device, before it is registered. */
  async prepare(address: Address): Promise<PreparedDevice> {
    const { clock } = this.#parts
    const primitives = await choosePrimitives()
    return memoryStore().transaction(async (nothing) => {
      const transaction = new BufferedTransaction(nothing)
      const { self, keys } = await makeKeys({ primitives, clock }, transaction, address, { hosted: true })
      const state = await DeviceState.read(transaction)
      state.write(transaction, { ...address })
      markPublished(transaction)
      return { registrationId: self.registrationId, keys, records: transaction.changes }
    })
  }

  /** Stores the secrets of a device that was registered with the keys of {@link prepare}. */
  async install(address: Address, { registrationId, records }: PreparedDevice): Promise<void> {
    this.forget(address)
    const store = await this.#parts.stores.create({ address, registrationId })
    await store.transaction(async (transaction) => {
      for (const [key, value] of records) if (value !== undefined) transaction.put(key, value)
    })
    await store.close()
  }

  /** Works with the device; one that was registered again meanwhile is opened again. */
  async with<T>(address: Address, work: (device: HostedDevice) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#device(address))
    } catch (error) {
      if (!(error instanceof HostedDeviceGoneError)) throw error
      this.forget(address)
    }
    try {
      return await work(await this.#device(address))
    } catch (error) {
      if (!(error instanceof HostedDeviceGoneError)) throw error
      throw new RefusalError('UNAUTHENTICATED', 'The device is gone', { cause: error })
    }
  }

  /** What the devices had put off is done. */
  async close(): Promise<void> {
    const open = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(open.map((opening) => opening.then((device) => device.close()).catch(this.#parts.failed)))
  }

  forget({ user, device }: Address): void {
    this.#open.delete(addressKey(user, device))
  }

  #device(address: Address): Promise<HostedDevice> {
    const key = addressKey(address.user, address.device)
    const known = this.#open.get(key)
    if (known !== undefined) return known
    const opening = this.#openDevice(address)
    this.#open.set(key, opening)
    opening.catch(() => this.#open.delete(key))
    return opening
  }

  async #openDevice(address: Address): Promise<HostedDevice> {
    const { stores, mailbox, clock, failed } = this.#parts
    const store = await stores.open(address)
    const server = new LocalKeyServer(this.#parts, address)
    const primitives = await choosePrimitives()
    return HostedDevice.open({ address, store, primitives, server, mailbox, clock, failed })
  }
}
