import type { Implementation, TestFn } from 'ava'
import { findProgram } from '../../tools/get/find-program.ts'

/** The path of a program, in `.tools/` or else on the PATH. */
export function findTool(name: string): string | undefined {
  return findProgram([name])
}

/** @throws Error that says how to get it */
export function requireTool(name: string): string {
  const path = findTool(name)
  if (path === undefined) throw new Error(`This needs ${name}: npm run tools -- --install ${name}`)
  return path
}

/**
 * AVA's `test` for a file whose tests need these programs. On a machine without them each test is skipped, under a title
 * that says what is missing, and no hook runs.
 */
export function testWithTools(test: TestFn, ...names: readonly string[]): TestFn {
  const missing = names.filter((name) => findTool(name) === undefined)
  if (missing.length === 0) return test
  const titled = (title: string): string => `${title} (needs ${missing.join(', ')}: npm run tools -- --install)`
  const skip = (title: string, implementation: Implementation<[]>): void => test.skip(titled(title), implementation)
  const hooks = Object.fromEntries(
    (['before', 'after', 'beforeEach', 'afterEach'] as const).map((name) => [
      name,
      Object.assign(test[name].skip, { always: test[name].skip, skip: test[name].skip }),
    ]),
  )
  return Object.assign(skip, hooks, { serial: Object.assign(skip.bind(undefined), hooks) }) as unknown as TestFn
}
