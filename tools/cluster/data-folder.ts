import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findServerUser } from '../../src/storage/postgres-binaries.ts'
import { prepareFolder, prepareSocketFolder, USER } from '../../src/storage/postgres-folders.ts'

/** What a cluster keeps in its folder. */
export interface DataFolder {
  /** Where its PostgreSQL will be. */
  readonly databaseUrl: string
  /** 32 bytes in hexadecimal digits, the same after a restart. */
  readonly masterKey: string
}

/** Makes the folder. @throws StartError when it cannot be written to */
export async function prepareDataFolder(dataDir: string): Promise<DataFolder> {
  const user = await findServerUser()
  await prepareFolder(dataDir, user)
  const socketFolder = await prepareSocketFolder(join(dataDir, 'postgres'), user)
  const databaseUrl = `postgresql://${USER}@localhost/parley?host=${encodeURIComponent(socketFolder)}`
  const keyFile = join(dataDir, 'master-key')
  const newKey = randomBytes(32).toString('hex')
  await writeFile(keyFile, newKey, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  return { databaseUrl, masterKey: (await readFile(keyFile, 'utf8')).trim() }
}
