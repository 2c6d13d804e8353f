import { findReaching } from './references.ts'
import type { References } from './references.ts'

const TEST = /^test\/.*\.test\.ts$/
/** What has no short form; AVA knows it too: see `ava.config.js`. */
const LONG_ALONE = /\.long\.test\.ts$/
/** Importing it means to have a long form. */
const LONG_HELPER = 'test/helpers/long.ts'
/** What every test depends on. */
const FOR_ALL = new Set([
  'package.json',
  'package-lock.json',
  'ava.config.js',
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

/** The test files with a long form, and those that are long alone. */
export function selectLong(references: References): Selection {
  const all = findTests(references)
  const withLongForm = new Set(findReaching(all, references, new Set([LONG_HELPER])))
  return { tests: all.filter((test) => withLongForm.has(test) || LONG_ALONE.test(test)) }
}

/** Those that `npm test` can run. */
export function withShortForm(tests: readonly string[]): readonly string[] {
  return tests.filter((test) => !LONG_ALONE.test(test))
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
