import type { LRUCache } from 'lru-cache'
import type { DeviceId, UserId } from '../shared/ids.ts'
import { createLru } from '../shared/lru.ts'

/** One device of a user, as senders must know it. */
export interface ListedDevice {
  readonly device: DeviceId
  /** 0 while the device has no keys. */
  readonly registrationId: number
  readonly hosted: boolean
  /** ms since 1970: from then on nobody writes to it, since the user's device list has expired; Infinity for the primary. */
  readonly activeUntil: number
}

/** A user's devices; empty when nobody is registered under that number. */
export type DeviceList = readonly ListedDevice[]

/** The device lists of users, cached: those of the `maxUsers` asked for last. */
export class Directory {
  readonly #lists: LRUCache<UserId, DeviceList>
  readonly #loading = new Map<UserId, Promise<DeviceList>>()
  readonly #load: (user: UserId) => Promise<DeviceList>

  constructor(load: (user: UserId) => Promise<DeviceList>, options: { readonly maxUsers: number }) {
    this.#lists = createLru(options.maxUsers)
    this.#load = load
  }

  /** What is known without asking; undefined: {@link find} must ask. */
  peek(user: UserId): DeviceList | undefined {
    return this.#lists.get(user)
  }

  /** The list of a user, from the cache or the database. Callers of the same time share one query. */
  find(user: UserId): Promise<DeviceList> {
    const known = this.#lists.get(user)
    if (known !== undefined) return Promise.resolve(known)
    let loading = this.#loading.get(user)
    if (loading === undefined) {
      loading = this.#load(user)
      this.#loading.set(user, loading)
      void this.#keep(user, loading)
    }
    return loading
  }

  /** The user's devices have changed: what was loaded or is being loaded counts no more. */
  forget(user: UserId): void {
    this.#lists.delete(user)
    this.#loading.delete(user)
  }

  /** Anybody's devices may have changed. */
  clear(): void {
    this.#lists.clear()
    this.#loading.clear()
  }

  async #keep(user: UserId, loading: Promise<DeviceList>): Promise<void> {
    const list = await loading.catch(() => undefined)
    if (this.#loading.get(user) !== loading) return
    this.#loading.delete(user)
    if (list !== undefined) this.#lists.set(user, list)
  }
}
