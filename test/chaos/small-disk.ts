import { execFile } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MiB = 1_024 * 1_024
/** Written at a time, and at last, when only crumbs of room are left. */
const CHUNKS_BYTES = [4 * MiB, 64 * 1_024, 4 * 1_024] as const

/** A file system of its own, in memory, that can be filled to the last byte. */
export class SmallDisk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /**
   * Mounts it on a folder, which is made.
   *
   * @returns undefined where this user may not mount
   */
  static async mount(path: string, sizeMiB: number): Promise<SmallDisk | undefined> {
    await mkdir(path, { recursive: true })
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m,mode=755`, 'tmpfs', path])
      return new SmallDisk(path)
    } catch {
      return undefined
    }
  }

  /** Leaves no byte free. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, 'a')
    try {
      for (const size of CHUNKS_BYTES) {
        const chunk = Buffer.alloc(size)
        while (await append(file, chunk));
      }
    } finally {
      await file.close()
    }
  }

  /** Gives the room back. */
  async empty(): Promise<void> {
    await rm(this.#filler, { force: true })
  }

  async unmount(): Promise<void> {
    // Lazily: a process that was killed may hold a file for a moment longer.
    await run('umount', ['--lazy', this.path])
  }

  get #filler(): string {
    return join(this.path, 'filler')
  }
}

/** False: no room was left. */
async function append(file: { write(data: Buffer): Promise<unknown> }, chunk: Buffer): Promise<boolean> {
  try {
    await file.write(chunk)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}
