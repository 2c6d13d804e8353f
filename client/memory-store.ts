import { createStore, isInRange, prefixEnd } from './store.ts'
import type { KeyRange, Store, StoreBackend, StoredRecord } from './store.ts'

/** A store that is gone with the process: for tests, and for clients that shall leave nothing behind. */
export function memoryStore(): Store {
  return createStore(new MemoryBackend())
}

class MemoryBackend implements StoreBackend {
  readonly #values = new Map<string, Uint8Array>()
  /** The keys in order. */
  readonly #keys: string[] = []

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#values.get(key)
  }

  async scan(range: KeyRange): Promise<readonly StoredRecord[]> {
    const found: StoredRecord[] = []
    const step = range.reverse === true ? -1 : 1
    let at =
      step > 0
        ? this.#position(range.after ?? range.prefix)
        : this.#position(range.before ?? prefixEnd(range.prefix)) - 1
    if (step > 0 && this.#keys[at] === range.after) at += 1
    for (; found.length < range.limit; at += step) {
      const key = this.#keys[at]
      if (key === undefined || !isInRange(key, range)) break
      const value = this.#values.get(key)
      if (value !== undefined) found.push({ key, value })
    }
    return found
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    for (const [key, value] of changes) {
      const known = this.#values.has(key)
      if (value !== undefined) {
        if (!known) this.#keys.splice(this.#position(key), 0, key)
        this.#values.set(key, value)
      } else if (known) {
        this.#keys.splice(this.#position(key), 1)
        this.#values.delete(key)
      }
    }
  }

  async close(): Promise<void> {
    // The records stay, so that the same store object cannot be taken for an empty one.
  }

  /** Where the key is, or would be put. */
  #position(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#keys[middle] as string) < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
