/**
 * Makes the generated code of this folder from its .proto files: `npm run proto`, or with `--check` only says whether
 * it is up to date. Needs the devDependencies: buf compiles and checks the schemas, @bufbuild/protobuf reads what buf
 * found, `generator/` writes TypeScript. Why the code is made here and by none of the ready generators:
 * `node test/bench/codec.ts` shows their times.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))

const [major] = process.versions.node.split('.')
if (Number(major) < 24) fail('Run it as `npm run proto`, which uses the Node of this project.')

const { compileSchemas } = await import('./generator/buf.ts')
const { generateFiles } = await import('./generator/files.ts')
const stale = []
for (const [name, code] of generateFiles(compileSchemas(folder))) {
  const file = join(folder, name)
  if (existsSync(file) && readFileSync(file, 'utf8') === code) continue
  stale.push(name)
  if (!process.argv.includes('--check')) writeFileSync(file, code)
}
if (!process.argv.includes('--check')) console.log(stale.length === 0 ? 'Up to date' : `Written: ${stale.join(', ')}`)
else if (stale.length > 0) fail(`Out of date: ${stale.join(', ')}. Run \`npm run proto\`.`)

function fail(message) {
  console.error(message)
  process.exit(1)
}
