import { chmod, chown, constants, copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerUser } from '../postgres-binaries.ts'

export interface CopyOptions {
  /** Whether to leave out what has this path below the top, such as `pg_wal/0001`. */
  readonly skips?: (path: string) => boolean
  /** Whose the copy shall be; absent: the caller's. */
  readonly owner?: ServerUser | undefined
  /** Hears how many bytes each file had. */
  readonly onFile?: (bytes: number) => void
}

/** Copies a folder that others may write to meanwhile: what is deleted before its turn is left out. */
export async function copyTree(from: string, to: string, options: CopyOptions = {}, below = ''): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (options.skips?.(path)) continue
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await copyTree(source, target, options, path)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else if (entry.isFile()) await copyOne(source, target, options)
  }
  if (options.owner !== undefined) await chown(to, options.owner.uid, options.owner.gid)
}

async function copyOne(source: string, target: string, { owner, onFile }: CopyOptions): Promise<void> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const { mode, size } = await lstat(target)
  await chmod(target, mode & 0o600)
  if (owner !== undefined) await chown(target, owner.uid, owner.gid)
  onFile?.(size)
}
