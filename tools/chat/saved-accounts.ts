import { readFile, readdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { readPhone } from '../../src/shared/phone-number.ts'

/** A device of this machine: the directory holds its store, and this beside it. */
export interface SavedAccount {
  readonly directory: string
  readonly url: string
  readonly user: number
  readonly device: number
  /** ms since 1970 */
  readonly savedAt: number
}

const FILE = 'account.json'

/** The directory of the primary device of a number. */
export function primaryDirectory(user: number): string {
  return join(baseDirectory(), String(user))
}

/** A directory that nothing uses: the number of the account is known only when the device is linked. */
export function newLinkedDirectory(): string {
  return join(baseDirectory(), `linked-${crypto.randomUUID().slice(0, 8)}`)
}

/** What is saved in a directory; undefined: nothing. */
export async function readSaved(directory: string): Promise<SavedAccount | undefined> {
  try {
    const saved = JSON.parse(await readFile(join(directory, FILE), 'utf8')) as Partial<SavedAccount>
    const { url, user, device = 1, savedAt = 0 } = saved
    return typeof url === 'string' && typeof user === 'number' ? { directory, url, user, device, savedAt } : undefined
  } catch {
    return undefined
  }
}

export async function writeSaved({ directory, ...saved }: SavedAccount): Promise<void> {
  await writeFile(join(directory, FILE), JSON.stringify(saved), { mode: 0o600 })
}

/** The devices that are kept on this machine where no other place was named: primary ones first, then the newest. */
export async function listSaved(): Promise<readonly SavedAccount[]> {
  const found: SavedAccount[] = []
  for (const name of await readdir(baseDirectory()).catch(() => [])) {
    const saved = await readSaved(join(baseDirectory(), name))
    if (saved !== undefined && (saved.device > 1 || readPhone(name) === saved.user)) found.push(saved)
  }
  return found.sort((a, b) => a.device - b.device || b.savedAt - a.savedAt)
}

function baseDirectory(): string {
  return join(homedir(), '.parley')
}
