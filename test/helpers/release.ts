import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TOOLS_FOLDER } from '../../tools/get/find-program.ts'
import { runProgram } from '../../tools/get/run-program.ts'

const RELEASES = new URL('../../docs/releases.md', import.meta.url)
const HERE = fileURLToPath(new URL('../..', import.meta.url))
const INSTALL_MS = 300_000

/**
 * The version before this one, as `docs/releases.md` names it: a worktree of its own with an installation of its own,
 * both kept in `.tools/`.
 * @returns its folder
 * @throws Error when its commit is not in this repository, or its packages cannot be had
 */
export async function requireReleaseBefore(): Promise<string> {
  const commit = /^The version before: commit `([0-9a-f]{7,40})`/m.exec(await readFile(RELEASES, 'utf8'))?.[1]
  if (commit === undefined) throw new Error('docs/releases.md names no version before')
  const folder = join(TOOLS_FOLDER, 'releases', commit)
  const installed = join(folder, 'node_modules', '.parley-installed')
  if (existsSync(installed)) return folder
  await mkdir(join(TOOLS_FOLDER, 'releases'), { recursive: true })
  if (!existsSync(folder)) {
    // What is left in the list of worktrees of a folder that is gone would be in the way.
    await run(HERE, 'git', 'worktree', 'prune')
    await run(HERE, 'git', 'worktree', 'add', '--detach', folder, commit)
  }
  await run(folder, 'npm', 'ci', '--no-audit', '--no-fund')
  await writeFile(installed, '')
  return folder
}

async function run(cwd: string, program: string, ...args: readonly string[]): Promise<void> {
  // What npm tells its scripts of this checkout is wrong in another one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
  const { code, stderr } = await runProgram(program, args, { cwd, env, timeoutMs: INSTALL_MS })
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stderr}`)
}
