import { findReaching } from './references.ts'
import type { References } from './references.ts'

const TEST = /^test\/.*\.test\.ts$/
/** Importing it means to have a long form. */
const LONG_HELPER = 'test/helpers/long.ts'
/** What every test depends on. */
const FOR_ALL = new Set([
  'package.json',
  'package-lock.json',
  'test/run.ts',
  'test/suite/test-process.ts',
  'test/suite/test-server.ts',
])
/** What no test runs by another name: prose, and the settings of checks. What a test reads of it, the test names. */
const NOT_RUN = /\.md$|^(LICENSE|knip\.json|tsconfig\.json|\.(editorconfig|gitignore|ox.*|prettier.*)|\.ci\/.*)$/

export interface Selection {
  readonly tests: readonly string[]
  /** Why it is all of them, when a change made it so. */
  readonly because?: string
}

/** The test files with a long form. */
export function selectLong(references: References): Selection {
  return { tests: findReaching(findTests(references), references, new Set([LONG_HELPER])) }
}

/** The test files that a change touches; all of them where that is not known. */
export function selectChanged(references: References, changed: ReadonlySet<string>): Selection {
  const all = findTests(references)
  for (const file of changed) {
    if (FOR_ALL.has(file)) return { tests: all, because: `${file} is for all` }
    if (NOT_RUN.test(file)) continue
    if (findReaching(all, references, new Set([file])).length === 0) {
      return { tests: all, because: `no test names ${file}` }
    }
  }
  return { tests: findReaching(all, references, changed) }
}

function findTests(references: References): readonly string[] {
  return [...references.keys()].filter((file) => TEST.test(file)).sort()
}
