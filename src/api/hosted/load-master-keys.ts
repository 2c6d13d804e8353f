import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { parseKeys } from '../../../config/parse.ts'
import { StartError } from '../../shared/start-error.ts'
import { MasterKeys } from './master-keys.ts'

export interface MasterKeySources {
  /** From the environment. */
  readonly configured: readonly Uint8Array[] | undefined
  /** The folder of an embedded PostgreSQL, which may hold a file with keys; undefined: there is none. */
  readonly dataDir: string | undefined
}

const FILE = 'master.key'
const OWNER_ONLY = 0o600

/**
 * The operator's keys: those of the environment, then those of the file beside an embedded PostgreSQL. When neither has
 * one, such a file is made.
 * @param onMade - it was made
 * @returns undefined when there are none: no device can be hosted then
 * @throws StartError when the file holds something else
 */
export async function loadMasterKeys(
  { configured = [], dataDir }: MasterKeySources,
  onMade: (file: string) => void,
): Promise<MasterKeys | undefined> {
  if (dataDir === undefined) return configured.length === 0 ? undefined : new MasterKeys(configured)
  const file = join(dataDir, FILE)
  const found = await readKeys(file)
  if (found !== undefined || configured.length > 0) return new MasterKeys([...configured, ...(found ?? [])])
  const key = randomBytes(32)
  await writeWhole(file, `${key.toString('base64')}\n`)
  onMade(file)
  return new MasterKeys([key])
}

async function readKeys(file: string): Promise<readonly Uint8Array[] | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new StartError(`The master key in ${file} cannot be read: ${error.code}`, { cause: error })
  })
  if (text === undefined) return undefined
  const keys = parseKeys(file, text.trim(), (line) => {
    throw new StartError(line)
  })
  if (keys === undefined)
    throw new StartError(`${file} is empty: put the key back, or delete the file if it never had one`)
  return keys
}

/** Under its name there is the whole file, or none. */
async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`
  const handle = await open(temporary, 'w', OWNER_ONLY)
  try {
    await handle.chmod(OWNER_ONLY)
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
}
