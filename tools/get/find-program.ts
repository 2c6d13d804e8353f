import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `npm run tools` puts programs. */
export const TOOLS_FOLDER = fileURLToPath(new URL('../../.tools', import.meta.url))

/** Where a normal user's PATH does not lead, but where haproxy and nginx are. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The folders in which programs are looked for, the first one first. */
export function programFolders(): readonly string[] {
  const named = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return [TOOLS_FOLDER, ...named, ...SYSTEM_FOLDERS]
}

/** The path of a program that may have several names, the usual one first. */
export function findProgram(names: readonly string[], folders = programFolders()): string | undefined {
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)
}

/** A link to nothing is none. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
