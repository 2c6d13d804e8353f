/// <reference lib="dom" />
import { openDB } from 'idb'
import { IndexedBackend } from './indexed-backend.ts'
import type { BrowserDatabase, BrowserStoreSchema } from './indexed-backend.ts'
import { RecordSeal } from './record-seal.ts'
import { sealBackend } from './sealed-backend.ts'
import { createStore, StoreKeyError, StoreLockedError } from './store.ts'
import type { Store } from './store.ts'
import { TabLock } from './tab-lock.ts'
import { generateCipherKey, WebCipher } from './web-cipher.ts'
import type { CipherKey } from './web-cipher.ts'

const VERSION = 1

export interface BrowserStoreOptions {
  /** Takes the store from the tab that has it. Default: false. */
  readonly takeOver?: boolean
  /**
   * Another tab has taken the store over, or asks for it: it is closed, and all that is asked of it is refused. The client
   * on it is to be closed, and the user told that the chat goes on in another tab.
   */
  readonly onTakenOver?: () => void
}

/**
 * Opens, or makes, a store in the browser (IndexedDB). One tab has it at a time: another one's try fails, and it may offer
 * its user to go on there, by `takeOver`. A tab that was frozen or hangs while the store was taken from it cannot write
 * any more.
 *
 * Values are sealed with AES-256-GCM under a key that no script can read out; the records' keys, with users' numbers and
 * message ids in them, are not. That keeps a script which got into the page from carrying the key away, though not from
 * using it. The browser keeps the key beside the data in its profile: a copy of that profile is not protected.
 *
 * The browser may delete all of it when space is short, unless `navigator.storage.persist()` was granted.
 *
 * @throws {StoreLockedError} when another tab has it
 * @throws {StoreKeyError} when its key is gone
 */
export async function openBrowserStore(name: string, options: BrowserStoreOptions = {}): Promise<Store> {
  const lock = await TabLock.acquire(`parley-store/${name}`, options.takeOver === true)
  if (lock === undefined) throw new StoreLockedError(`${name} is open in another tab`)
  let database: BrowserDatabase | undefined
  try {
    database = await openDatabase(name)
    const owner = crypto.randomUUID()
    const seal = new RecordSeal(new WebCipher(await openKey(database, owner)))
    const store = createStore(sealBackend(new IndexedBackend(database, owner), seal))
    const close = (): Promise<void> => store.close().finally(() => lock.release())
    lock.whenWanted(() => {
      void close()
      options.onTakenOver?.()
    })
    return { transaction: (work) => store.transaction(work), close }
  } catch (error) {
    database?.close()
    lock.release()
    throw error
  }
}

function openDatabase(name: string): Promise<BrowserDatabase> {
  return openDB<BrowserStoreSchema>(name, VERSION, {
    upgrade(database) {
      database.createObjectStore('records')
      database.createObjectStore('meta')
    },
  })
}

/** Notes the new owner, too. */
async function openKey(database: BrowserDatabase, owner: string): Promise<CipherKey> {
  // Before the transaction, which would not wait for it.
  const made = await generateCipherKey()
  const transaction = database.transaction(['records', 'meta'], 'readwrite', { durability: 'strict' })
  const meta = transaction.objectStore('meta')
  const stored = (await meta.get('key')) as CipherKey | undefined
  if (stored === undefined && (await transaction.objectStore('records').count()) > 0)
    throw new StoreKeyError('The key of the store is gone')
  if (stored === undefined) await meta.put(made, 'key')
  await meta.put(owner, 'owner')
  await transaction.done
  return stored ?? made
}
