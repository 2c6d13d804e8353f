import { readdirSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findTool } from '../helpers/tools.ts'

/** Where Debian and others put the library. */
const FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/opt/homebrew/lib']
const LIBRARY = 'faketime/libfaketime.so.1'

/**
 * The system clock of a process, which a test sets while it runs; libfaketime is loaded into the process. Its monotonic
 * clock stays as it is, as that of a machine whose clock somebody sets.
 */
export class FakeClock {
  readonly #file: string
  readonly #library: string

  private constructor(file: string, library: string) {
    this.#file = file
    this.#library = library
  }

  /** A clock that is right; undefined where the library is missing. */
  static async open(directory: string): Promise<FakeClock | undefined> {
    const library = findTool('faketime') === undefined ? undefined : findLibrary()
    if (library === undefined) return undefined
    const clock = new FakeClock(join(directory, 'clock'), library)
    await clock.set(0)
    return clock
  }

  /** What the process needs in its environment. */
  get env(): NodeJS.ProcessEnv {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
      // Memory that it would share with other processes, and leave behind.
      FAKETIME_DISABLE_SHM: '1',
    }
  }

  /** By so many seconds ahead of the machine's; the process sees it within a second. */
  async set(aheadSeconds: number): Promise<void> {
    await writeFile(`${this.#file}.new`, `${aheadSeconds < 0 ? '-' : '+'}${Math.abs(aheadSeconds)}\n`)
    await rename(`${this.#file}.new`, this.#file)
  }
}

function findLibrary(): string | undefined {
  for (const folder of FOLDERS) {
    for (const path of [folder, ...foldersOf(folder)]) {
      if (foldersOf(path).includes(join(path, 'faketime'))) return join(path, LIBRARY)
    }
  }
  return undefined
}

function foldersOf(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name))
  } catch {
    return []
  }
}
