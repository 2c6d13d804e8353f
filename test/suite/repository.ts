import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { findReferences } from './references.ts'
import type { References } from './references.ts'

const CODE = /\.(ts|js)$/
const OUTPUT_BYTES = 16 * 1024 * 1024

/** All files that are not ignored, from the repository's folder. */
export async function listFiles(): Promise<ReadonlySet<string>> {
  return new Set(await git('ls-files', '--cached', '--others', '--exclude-standard'))
}

/** What is otherwise than at a revision, committed or not. @throws Error when there is no such revision */
export async function listChanges(revision: string): Promise<ReadonlySet<string>> {
  const [tracked, untracked] = await Promise.all([
    git('diff', '--name-only', '--no-renames', revision, '--'),
    git('ls-files', '--others', '--exclude-standard'),
  ])
  return new Set([...tracked, ...untracked])
}

/** What the code among these files imports and names. */
export async function readReferences(files: ReadonlySet<string>): Promise<References> {
  const code = [...files].filter((file) => CODE.test(file))
  return new Map(
    await Promise.all(
      code.map(async (file) => {
        // One that was deleted and is still listed refers to nothing.
        const text = await readFile(file, 'utf8').catch(() => '')
        return [file, findReferences(file, text, files)] as const
      }),
    ),
  )
}

async function git(...args: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)('git', args, { maxBuffer: OUTPUT_BYTES })
  return stdout.split('\n').filter((line) => line !== '')
}
