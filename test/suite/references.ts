import { posix } from 'node:path'

/** Texts in quotes without a space, up to what is filled in: imports, and the paths of files that are read or started. */
const QUOTED = /(['"`])([\w.@-][^\s'"`$]*)(\1|\$\{)/g

const COMMENT_LINES = /^\s*(\/\*|\*|\/\/).*$/gm

/** For each file, the files that it imports or names. */
export type References = ReadonlyMap<string, ReadonlySet<string>>

/**
 * The files of the repository that a file imports or names, by a path from its own folder or one above; of a folder it
 * names, all of them. Sooner too many than too few.
 *
 * @param files all paths, from the repository's folder
 */
export function findReferences(file: string, text: string, files: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>()
  for (const [, , quoted = '', end] of text.replace(COMMENT_LINES, '').matchAll(QUOTED)) {
    const isWhole = end !== '${'
    const named = isWhole ? quoted : quoted.slice(0, quoted.lastIndexOf('/') + 1)
    for (const folder of foldersOf(file)) {
      const path = posix.join(folder, named)
      if (files.has(path)) found.add(path)
      // A word alone is seldom a folder.
      else if (/\w.*\/|\/.*\w/.test(named)) addFolder(found, path, files)
    }
  }
  found.delete(file)
  return found
}

/** Those of the starting points from which one of the targets is reached, or which are one. */
export function findReaching(
  starts: readonly string[],
  references: References,
  targets: ReadonlySet<string>,
): readonly string[] {
  const users = new Map<string, string[]>()
  for (const [file, used] of references) {
    for (const one of used) users.set(one, [...(users.get(one) ?? []), file])
  }
  const reaching = new Set(targets)
  // A set goes on to what is added meanwhile.
  for (const file of reaching) for (const user of users.get(file) ?? []) reaching.add(user)
  return starts.filter((start) => reaching.has(start))
}

/** Its own, and those above up to the repository's. */
function foldersOf(file: string): readonly string[] {
  const names = posix.dirname(file).split('/')
  return ['', ...names.map((_, i) => names.slice(0, i + 1).join('/'))]
}

function addFolder(found: Set<string>, path: string, files: ReadonlySet<string>): void {
  const folder = path.endsWith('/') ? path : `${path}/`
  if (folder === './' || folder.startsWith('..')) return
  for (const one of files) if (one.startsWith(folder)) found.add(one)
}
