import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreKeyError } from './store.ts'

/** Of AES-256. */
export const KEY_BYTES = 32

/** undefined where there is none. @throws {StoreKeyError} for a file of another size */
export async function findKeyFile(path: string): Promise<Uint8Array | undefined> {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await readFile(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (bytes.length !== KEY_BYTES) throw new StoreKeyError(`${path} has ${bytes.length} bytes instead of ${KEY_BYTES}`)
  return bytes
}

/** Makes a file of 32 random bytes, for its owner only: whole and on the disk, or not there. */
export async function makeKeyFile(path: string): Promise<Uint8Array> {
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES))
  const unfinished = `${path}.new`
  const file = await open(unfinished, 'w', 0o600)
  try {
    await file.writeFile(key)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
  await syncDirectory(dirname(path))
  return key
}

async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories; there a rename needs no more.
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
