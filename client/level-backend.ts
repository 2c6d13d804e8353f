import { ClassicLevel } from 'classic-level'
import type { RecordSeal } from './record-seal.ts'
import { prefixEnd, StoreLockedError } from './store.ts'
import type { KeyRange, StoreBackend, StoredRecord } from './store.ts'

export type Level = ClassicLevel<string, Uint8Array>

/** Sealed records are under their key after this; before there was sealing they were under the key itself. */
const SEALED = '\x01'
const FIRST_PLAIN = '\x02'
/** There while plain values may still lie in the database's files. */
const SEALING_KEY = '\0sealing'
const PAGE = 500

/** @throws {StoreLockedError} when it is open already */
export async function openLevel(directory: string): Promise<Level> {
  const level: Level = new ClassicLevel(directory, { keyEncoding: 'utf8', valueEncoding: 'view' })
  try {
    await level.open()
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    if (cause?.code === 'LEVEL_LOCKED') throw new StoreLockedError(`${directory} is in use`, { cause: error })
    throw error
  }
  return level
}

export class LevelBackend implements StoreBackend {
  readonly #level: Level

  constructor(level: Level) {
    this.#level = level
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await this.#level.get(SEALED + key)
    return value === undefined ? undefined : plain(value)
  }

  async scan(range: KeyRange): Promise<readonly StoredRecord[]> {
    const found = await this.#level
      .iterator({
        ...(range.after === undefined ? { gte: SEALED + range.prefix } : { gt: SEALED + range.after }),
        lt: SEALED + (range.before ?? prefixEnd(range.prefix)),
        reverse: range.reverse === true,
        limit: range.limit,
      })
      .all()
    return found.map(([key, value]) => ({ key: key.slice(SEALED.length), value: plain(value) }))
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const operations = [...changes].map(([key, value]) =>
      value === undefined
        ? { type: 'del' as const, key: SEALED + key }
        : { type: 'put' as const, key: SEALED + key, value },
    )
    await this.#level.batch(operations, { sync: true })
  }

  close(): Promise<void> {
    return this.#level.close()
  }
}

/** Seals what an earlier version wrote, page by page; one that was stopped in the middle goes on at the next opening. */
export async function sealPlainRecords(level: Level, seal: RecordSeal): Promise<void> {
  const nextPage = () => level.iterator({ gte: FIRST_PLAIN, limit: PAGE }).all()
  let page = await nextPage()
  if (page.length === 0 && (await level.get(SEALING_KEY)) === undefined) return
  await level.put(SEALING_KEY, new Uint8Array(0))
  while (page.length > 0) {
    const batch = level.batch()
    for (const [key, value] of page) batch.del(key).put(SEALED + key, await seal.seal(key, value))
    await batch.write({ sync: true })
    page = await nextPage()
  }
  // Deleted values stay in the files until these are written again.
  await level.compactRange('\0', '\x7f')
  await level.del(SEALING_KEY)
}

/** Some methods of the Buffer that the database returns differ from those of a Uint8Array. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}
