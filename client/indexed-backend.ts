/// <reference lib="dom" />
import type { DBSchema, IDBPDatabase } from 'idb'
import { prefixEnd, StoreLockedError } from './store.ts'
import type { KeyRange, StoreBackend, StoredRecord } from './store.ts'
import type { CipherKey } from './web-cipher.ts'

export interface BrowserStoreSchema extends DBSchema {
  records: { key: string; value: Uint8Array }
  /** `key`: what seals the records. `owner`: who opened the store last. */
  meta: { key: 'key' | 'owner'; value: CipherKey | string }
}

export type BrowserDatabase = IDBPDatabase<BrowserStoreSchema>

/** A database of the browser. Only who opened it last can write: no page that was frozen meanwhile writes its old state. */
export class IndexedBackend implements StoreBackend {
  readonly #database: BrowserDatabase
  readonly #owner: string

  constructor(database: BrowserDatabase, owner: string) {
    this.#database = database
    this.#owner = owner
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#database.get('records', key)
  }

  async scan(range: KeyRange): Promise<readonly StoredRecord[]> {
    const keys = keyRangeOf(range)
    if (keys === undefined) return []
    const records: StoredRecord[] = []
    const { store } = this.#database.transaction('records')
    if (range.reverse !== true) {
      const [found, values] = await Promise.all([store.getAllKeys(keys, range.limit), store.getAll(keys, range.limit)])
      return found.map((key, index) => ({ key, value: values[index] as Uint8Array }))
    }
    let cursor = await store.openCursor(keys, 'prev')
    while (cursor !== null && records.length < range.limit) {
      records.push({ key: cursor.key, value: cursor.value })
      cursor = await cursor.continue()
    }
    return records
  }

  /** @throws {StoreLockedError} when the store was opened by another since */
  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const transaction = this.#database.transaction(['records', 'meta'], 'readwrite', { durability: 'strict' })
    const written = transaction.done
    if ((await transaction.objectStore('meta').get('owner')) !== this.#owner) {
      await written
      throw new StoreLockedError('Another tab has taken the store over')
    }
    const records = transaction.objectStore('records')
    const requests = [...changes].map(([key, value]) =>
      value === undefined ? records.delete(key) : records.put(value, key),
    )
    await Promise.all([...requests, written])
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}

/** undefined: no key is in it. */
function keyRangeOf({ prefix, after = '', before = prefixEnd(prefix) }: KeyRange): IDBKeyRange | undefined {
  const end = before < prefixEnd(prefix) ? before : prefixEnd(prefix)
  if (after >= end || prefix >= end) return undefined
  return after < prefix ? IDBKeyRange.bound(prefix, end, false, true) : IDBKeyRange.bound(after, end, true, true)
}
