import { memoryStore } from '../../../client/memory-store.ts'
import { BufferedTransaction } from '../../../client/store.ts'
import type { Store, StoredRecord, Transaction } from '../../../client/store.ts'

/** Every key begins with a letter. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** All records of a store, in the order of their keys. */
export function recordsOf(store: Store): Promise<StoredRecord[]> {
  return store.transaction(async (transaction) => {
    const found: StoredRecord[] = []
    for (const prefix of LETTERS) found.push(...(await transaction.scan({ prefix, limit: 1_000_000 })))
    return found
  })
}

/** A store in memory with these records. */
export async function storeOf(records: readonly StoredRecord[]): Promise<Store> {
  const store = memoryStore()
  await store.transaction(async (transaction) => {
    for (const { key, value } of records) transaction.put(key, value)
  })
  return store
}

/** What a backup of the device's storage would hold. */
export async function copyOf(store: Store): Promise<Store> {
  return storeOf(await recordsOf(store))
}

/** A store that its clients cannot close: what a device keeps while its app is shut. */
export function lasting(store: Store): Store {
  return { transaction: (work) => store.transaction(work), close: () => Promise.resolve() }
}

/** What two states of a store differ in: the keys, without those that only count what came. */
export function differences(before: readonly StoredRecord[], after: readonly StoredRecord[]): string[] {
  const text = (records: readonly StoredRecord[]): Map<string, string> =>
    new Map(records.map(({ key, value }) => [key, Buffer.from(value).toString('hex')]))
  const [old, now] = [text(before), text(after)]
  const keys = new Set([...old.keys(), ...now.keys()])
  return [...keys].filter((key) => old.get(key) !== now.get(key) && key !== 'device' && !key.startsWith('mark/'))
}

/** How a write fails: before anything was written, or when all is. */
export type Failure = 'before' | 'after'

/** A store that fails at one of its writes, and from then on. */
export class FaultyStore implements Store {
  writes = 0
  readonly #inner: Store
  readonly #failAt: number
  readonly #failure: Failure

  constructor(inner: Store, failAt: number, failure: Failure) {
    this.#inner = inner
    this.#failAt = failAt
    this.#failure = failure
  }

  get failed(): boolean {
    return this.writes >= this.#failAt
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#inner.transaction(async (transaction) => {
      if (this.failed) throw new RangeError('The disk is gone')
      const buffered = new BufferedTransaction(transaction)
      const result = await work(buffered)
      if (buffered.changes.size === 0) return result
      this.writes += 1
      if (this.failed && this.#failure === 'before') throw new RangeError('The disk is gone')
      for (const [key, value] of buffered.changes) {
        if (value === undefined) transaction.delete(key)
        else transaction.put(key, value)
      }
      return result
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
