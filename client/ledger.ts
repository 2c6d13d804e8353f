import { ParleyError } from './errors.ts'
import type { Store, Transaction } from './store.ts'

/** One change of the stored state. */
export interface Entry<T> {
  apply(transaction: Transaction): Promise<T>
  /** It is safe now. */
  done(result: T): void
  failed(error: unknown): void
}

/** So that one transaction does not grow without bound. */
const MAX_BATCH = 512

/**
 * Writes changes to the store in the order in which they were recorded, as few transactions as possible: while one is
 * under way the next changes gather. The changes of one transaction fail or succeed together.
 */
export class Ledger {
  readonly #store: Store
  #waiting: Entry<unknown>[] = []
  #running = false
  #closed = false
  #idle: (() => void)[] = []

  constructor(store: Store) {
    this.#store = store
  }

  /** Changes that are not yet in the store. */
  get size(): number {
    return this.#waiting.length
  }

  /** After {@link close} it fails: what a request brings late must not change what another client goes on with. */
  record<T>(entry: Entry<T>): void {
    if (this.#closed) return entry.failed(new ParleyError('CLOSED', 'The client was closed'))
    this.#waiting.push(entry as Entry<unknown>)
    if (!this.#running) void this.#run()
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Writes what waits, and nothing that is recorded later. */
  async close(): Promise<void> {
    while (this.#running) await this.settled()
    this.#closed = true
  }

  /** Resolves when nothing waits any more. */
  settled(): Promise<void> {
    if (!this.#running) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    // What is recorded in the same tick belongs together.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#write(this.#waiting.splice(0, MAX_BATCH))
    this.#running = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #write(batch: readonly Entry<unknown>[]): Promise<void> {
    let results: unknown[]
    try {
      results = await this.#store.transaction(async (transaction) => {
        const applied: unknown[] = []
        for (const entry of batch) applied.push(await entry.apply(transaction))
        return applied
      })
    } catch (error) {
      for (const entry of batch) entry.failed(error)
      return
    }
    for (const [index, entry] of batch.entries()) entry.done(results[index])
  }
}

/** One transaction among the others of a ledger. */
export function inLedger<T>(ledger: Ledger, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    ledger.record({ apply: work, done: resolve, failed: reject })
  })
}
