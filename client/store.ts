/** A record as {@link Transaction.scan} finds it. */
export interface StoredRecord {
  readonly key: string
  readonly value: Uint8Array
}

/** Which records a scan wants: those whose key begins with `prefix`, in the order of their keys. */
export interface KeyRange {
  /** ASCII, not empty. */
  readonly prefix: string
  /** Only keys above this one. */
  readonly after?: string
  /** Only keys below this one. */
  readonly before?: string
  /** From the highest key down. */
  readonly reverse?: boolean
  readonly limit: number
}

/** Reads see what the same transaction wrote before. Values must not be changed after they were put or read. */
export interface Transaction {
  get(key: string): Promise<Uint8Array | undefined>
  scan(range: KeyRange): Promise<readonly StoredRecord[]>
  put(key: string, value: Uint8Array): void
  delete(key: string): void
}

/**
 * Where a device keeps all of its state. Transactions run one after the other; what one wrote is there in whole once its
 * promise has resolved, over a crash too where the store outlives the process, and not at all when it rejected because
 * `work` threw. One client at a time uses a store.
 */
export interface Store {
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** What a kind of storage must do to become a {@link Store}: see {@link createStore}. */
export interface StoreBackend {
  get(key: string): Promise<Uint8Array | undefined>
  scan(range: KeyRange): Promise<readonly StoredRecord[]>
  /** All changes or none; undefined deletes. Resolves when they are safe. */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>
  close(): Promise<void>
}

/** The store was closed, so nothing can be read or written any more. */
export class StoreClosedError extends Error {
  override readonly name = 'StoreClosedError'
}

/** Another process or tab, or another client of this one, has the store open. */
export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError'
}

/** The key that the store's values were sealed with is not the one given, or is gone. */
export class StoreKeyError extends Error {
  override readonly name = 'StoreKeyError'
}

/** The lowest key above every key that begins with the prefix. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}

export function isInRange(key: string, range: KeyRange): boolean {
  if (!key.startsWith(range.prefix)) return false
  return (range.after === undefined || key > range.after) && (range.before === undefined || key < range.before)
}

/** Makes transactions of a backend's reads and atomic writes. */
export function createStore(backend: StoreBackend): Store {
  let last: Promise<unknown> = Promise.resolve()
  let closed = false

  async function run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const transaction = new BufferedTransaction(backend)
    const result = await work(transaction)
    if (transaction.changes.size > 0) await backend.write(transaction.changes)
    return result
  }

  return {
    transaction(work) {
      if (closed) return Promise.reject(new StoreClosedError('The store is closed'))
      const result = last.then(() => run(work))
      last = result.catch(() => {})
      return result
    },
    async close() {
      if (closed) return
      closed = true
      await last
      await backend.close()
    },
  }
}

/** Keeps what is written until somebody writes it down, and shows it to what is read meanwhile. */
export class BufferedTransaction implements Transaction {
  readonly changes = new Map<string, Uint8Array | undefined>()
  readonly #backend: Pick<StoreBackend, 'get' | 'scan'>

  constructor(backend: Pick<StoreBackend, 'get' | 'scan'>) {
    this.#backend = backend
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.changes.has(key) ? this.changes.get(key) : this.#backend.get(key)
  }

  async scan(range: KeyRange): Promise<readonly StoredRecord[]> {
    const changed = [...this.changes].filter(([key]) => isInRange(key, range))
    // Each change hides at most one stored record, so this many more are enough.
    const stored = await this.#backend.scan({ ...range, limit: range.limit + changed.length })
    if (changed.length === 0) return stored
    const found = stored.filter(({ key }) => !this.changes.has(key))
    for (const [key, value] of changed) if (value !== undefined) found.push({ key, value })
    const sign = range.reverse === true ? -1 : 1
    return found.sort((a, b) => (a.key < b.key ? -sign : sign)).slice(0, range.limit)
  }

  put(key: string, value: Uint8Array): void {
    this.changes.set(key, value)
  }

  delete(key: string): void {
    this.changes.set(key, undefined)
  }
}
