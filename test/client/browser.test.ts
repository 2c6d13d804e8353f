import { readFile } from 'node:fs/promises'
import test from 'ava'

/** Plain JavaScript for every platform. */
const CORE_PACKAGES = /^(?:@noble\/|tweetnacl$)/

/** Every file that one file brings along, itself included, and the packages. */
async function follow(url: URL, files: Map<string, string>, packages: Set<string>): Promise<void> {
  if (files.has(url.href)) return
  const source = await readFile(url, 'utf8')
  files.set(url.href, source)
  for (const [, specifier = ''] of source.matchAll(/^(?:import|export|\}) (?!type\b).*\bfrom '([^']+)'$/gm)) {
    if (specifier.startsWith('.')) await follow(new URL(specifier, url), files, packages)
    else packages.add(specifier)
  }
}

test('the core of the SDK uses nothing that a browser has not', async (t) => {
  const files = new Map<string, string>()
  const packages = new Set<string>()
  await follow(new URL('../../client/index.ts', import.meta.url), files, packages)
  t.deepEqual(
    [...packages].filter((name) => !CORE_PACKAGES.test(name)),
    [],
  )
  t.true(files.size > 20)
  for (const [file, source] of files) t.notRegex(source, /\b(?:process|Buffer|setImmediate|require|global)\b[.(]/, file)
})

test("what only Node has is in the SDK's Node entry alone", async (t) => {
  const packages = new Set<string>()
  await follow(new URL('../../client/node.ts', import.meta.url), new Map(), packages)
  const own = [...packages].filter((name) => !CORE_PACKAGES.test(name))
  t.deepEqual(own.toSorted(), ['classic-level', 'node:crypto', 'node:fs/promises', 'node:path'])
})
