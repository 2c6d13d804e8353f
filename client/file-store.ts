import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findKeyFile, KEY_BYTES, makeKeyFile } from './file-key.ts'
import { LevelBackend, openLevel, sealPlainRecords } from './level-backend.ts'
import type { Level } from './level-backend.ts'
import { NodeCipher } from './node-cipher.ts'
import { RecordSeal } from './record-seal.ts'
import { sealBackend } from './sealed-backend.ts'
import { createStore, StoreKeyError } from './store.ts'
import type { Store } from './store.ts'

export interface FileStoreOptions {
  /**
   * 32 bytes that seal every value, for a caller who keeps them elsewhere: in the system's key ring, or under a password.
   * Default: those of the file `key` in the store's directory, made with the store.
   */
  readonly key?: Uint8Array
}

/** Holds a known value, sealed: shows at once whether a key is the store's. */
const CHECK_KEY = '\0key'
const CHECK_VALUE = Uint8Array.of(1)

/**
 * Opens, or makes, a store in a directory of its own, readable by its owner only. It is a LevelDB database: every
 * transaction is one synchronous, checksummed write to its log, so a process killed in the middle of one loses that one
 * and nothing before it.
 *
 * Values are sealed with AES-256-GCM; the records' keys, with users' numbers and message ids in them, are not. The key that
 * stands in the directory keeps a copy of the database alone (a backup without the file `key`, a disk whose freed blocks
 * are read) from being understood; who reads the whole directory as its owner reads everything. A key of the caller's
 * protects as well as he keeps it. Neither notices records that were deleted, or put back to an earlier state.
 *
 * A store that an earlier version wrote unsealed is sealed as it is opened.
 *
 * @throws {StoreLockedError} when it is open already
 * @throws {StoreKeyError} when it was sealed with another key, its key is gone, or it has not 32 bytes
 */
export async function openFileStore(directory: string, options: FileStoreOptions = {}): Promise<Store> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const level = await openLevel(directory)
  try {
    const seal = await openSeal(level, directory, options)
    await sealPlainRecords(level, seal)
    return createStore(sealBackend(new LevelBackend(level), seal))
  } catch (error) {
    await level.close()
    throw error
  }
}

async function openSeal(level: Level, directory: string, options: FileStoreOptions): Promise<RecordSeal> {
  const check = await level.get(CHECK_KEY)
  const path = join(directory, 'key')
  let key = options.key ?? (await findKeyFile(path))
  if (key === undefined && check !== undefined)
    throw new StoreKeyError(`${path} is gone, and with it what the store holds`)
  key ??= await makeKeyFile(path)
  if (key.length !== KEY_BYTES) throw new StoreKeyError(`A key of ${key.length} bytes instead of ${KEY_BYTES}`)
  const seal = new RecordSeal(new NodeCipher(key))
  if (check === undefined) await level.put(CHECK_KEY, await seal.seal(CHECK_KEY, CHECK_VALUE), { sync: true })
  else if ((await seal.open(CHECK_KEY, check)) === undefined)
    throw new StoreKeyError(`${directory} was sealed with another key`)
  return seal
}
