import { mkdir, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findProgram, isProgram } from './find-program.ts'
import { type Pin, isVersion } from './pins.ts'
import { runProgram } from './run-program.ts'

/** What became of one program: it was there, a program of the PATH is linked, or it was built. */
export interface Got {
  readonly how: 'there' | 'linked' | 'built'
  /** For `linked`: to what. */
  readonly path?: string
}

/** Hears how a build goes on. */
export interface BuildProgress {
  /** So many modules were downloaded so far. */
  downloaded(modules: number): void
  /** So many packages of so many are compiled. */
  compiled(packages: number, total: number): void
}

/** It cannot be built; the message says what to do, where that is known. */
export class BuildError extends Error {
  override readonly name = 'BuildError'
}

const VERSION_MS = 10_000
const WORDS_OF_A_FAILURE = 20

/** The programs of a folder, each of them the one that is pinned. */
export class GoTools {
  readonly #folder: string
  readonly #goMod: string
  readonly #searchFolders: readonly string[]

  /**
   * @param goMod - the file that pins them
   * @param searchFolders - where Go is, and perhaps programs of the pinned version
   */
  constructor(folder: string, goMod: string, searchFolders: readonly string[]) {
    this.#folder = folder
    this.#goMod = goMod
    this.#searchFolders = searchFolders
  }

  /** Makes sure that the program is in the folder, in the pinned version. @throws BuildError */
  async get(pin: Pin, progress?: BuildProgress): Promise<Got> {
    const place = join(this.#folder, pin.name)
    if (isProgram(place) && (await readFile(this.#stamp(pin), 'utf8').catch(() => '')) === stampOf(pin)) {
      return { how: 'there' }
    }
    await mkdir(dirname(this.#stamp(pin)), { recursive: true })
    const got = (await this.#find(pin, place)) ?? (await this.#build(pin, place, progress))
    await writeFile(this.#stamp(pin), stampOf(pin))
    return got
  }

  /** What was put into the folder, and under which pin: few programs print their exact version. */
  #stamp({ name }: Pin): string {
    return join(this.#folder, '.pins', name)
  }

  async #find(pin: Pin, place: string): Promise<Got | undefined> {
    for (const folder of [this.#folder, ...this.#searchFolders]) {
      const path = join(folder, pin.name)
      if (!isProgram(path) || !(await hasVersion(path, pin))) continue
      if (folder === this.#folder) return { how: 'there' }
      await rm(place, { force: true })
      await symlink(await realpath(path), place)
      return { how: 'linked', path }
    }
    return undefined
  }

  async #build(pin: Pin, place: string, progress?: BuildProgress): Promise<Got> {
    const go = findProgram(['go'], this.#searchFolders)
    if (go === undefined) {
      throw new BuildError(
        `${pin.name} ${pin.version} is built by Go, which is not on the PATH: install it from https://go.dev/dl, ` +
          `or put ${pin.name} ${pin.version} on the PATH`,
      )
    }
    let downloads = 0
    const onErrorLine = (line: string): void => {
      if (line.startsWith('go: downloading')) progress?.downloaded(++downloads)
    }
    const module = ['-C', dirname(this.#goMod), '-mod=readonly']
    const list = ['list', ...module, '-deps', '-f', '{{if .Stale}}{{.ImportPath}}{{end}}', pin.packagePath]
    const stale = await runProgram(go, list, { onErrorLine })
    if (stale.code !== 0) throw await failure(pin, go, stale.stderr)
    const total = stale.stdout.split('\n').filter((line) => line !== '').length
    let compiled = 0
    progress?.compiled(compiled, total)
    const unfinished = `${place}.unfinished`
    const flags = ['-v', '-buildvcs=false', '-ldflags=-s -w', '-o', unfinished]
    const build = await runProgram(go, ['build', ...module, ...flags, pin.packagePath], {
      onErrorLine: () => progress?.compiled(Math.min(++compiled, total), total),
    })
    if (build.code !== 0) {
      await rm(unfinished, { force: true })
      throw await failure(pin, go, build.stderr)
    }
    await rename(unfinished, place)
    return { how: 'built' }
  }
}

function stampOf({ packagePath, version }: Pin): string {
  return `${packagePath} ${version}\n`
}

async function failure({ name, version }: Pin, go: string, words: string): Promise<BuildError> {
  const { stdout } = await runProgram(go, ['version'], { timeoutMs: VERSION_MS })
  const last = words.trim().split('\n').slice(-WORDS_OF_A_FAILURE).join('\n')
  const advice = /requires go >= (\S+)/.exec(last)
  const what = advice === null ? '' : `\nInstall Go ${advice[1]} or newer (https://go.dev/dl), or set GOTOOLCHAIN=auto.`
  return new BuildError(`${name} ${version} could not be built by ${stdout.trim()}:\n${last}${what}`)
}

async function hasVersion(path: string, pin: Pin): Promise<boolean> {
  const { stdout, stderr } = await runProgram(path, ['--version'], { timeoutMs: VERSION_MS })
  return isVersion(stdout + stderr, pin)
}
