import { mkdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { createStore, prefixEnd } from './store.ts'
import type { KeyRange, Store, StoreBackend, StoredRecord } from './store.ts'

/** Another process (or another client of this one) has the store open. */
export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError'
}

/**
 * Opens, or makes, a store in a directory of its own, readable by its owner only. It is a LevelDB database: every
 * transaction is one synchronous, checksummed write to its log, so a process killed in the middle of one loses that one
 * and nothing before it.
 *
 * @throws {StoreLockedError} when it is open already
 */
export async function openFileStore(directory: string): Promise<Store> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const database = new ClassicLevel<string, Uint8Array>(directory, { keyEncoding: 'utf8', valueEncoding: 'view' })
  try {
    await database.open()
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    if (cause?.code === 'LEVEL_LOCKED') throw new StoreLockedError(`${directory} is in use`, { cause: error })
    throw error
  }
  return createStore(new LevelBackend(database))
}

class LevelBackend implements StoreBackend {
  readonly #database: ClassicLevel<string, Uint8Array>

  constructor(database: ClassicLevel<string, Uint8Array>) {
    this.#database = database
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await this.#database.get(key)
    return value === undefined ? undefined : plain(value)
  }

  async scan(range: KeyRange): Promise<readonly StoredRecord[]> {
    const found = await this.#database
      .iterator({
        ...(range.after === undefined ? { gte: range.prefix } : { gt: range.after }),
        lt: range.before ?? prefixEnd(range.prefix),
        reverse: range.reverse === true,
        limit: range.limit,
      })
      .all()
    return found.map(([key, value]) => ({ key, value: plain(value) }))
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const operations = [...changes].map(([key, value]) =>
      value === undefined ? { type: 'del' as const, key } : { type: 'put' as const, key, value },
    )
    await this.#database.batch(operations, { sync: true })
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

/** Some methods of the Buffer that the database returns differ from those of a Uint8Array. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}
