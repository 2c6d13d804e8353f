import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const bin = join(root, 'node_modules/.bin')

/** Inside node_modules, so that generated code finds its runtime and git does not see it. */
const folder = join(root, 'node_modules/.cache/codec-bench')

/** The type of message ids in the schema: the bench measures both. */
export type IdType = 'fixed64' | 'uint64'

/** Runs a tool of this project on this version of Node, and returns what it printed. */
function run(tool: string, args: readonly string[], cwd: string): string {
  const path = `${bin}${delimiter}${process.env['PATH'] ?? ''}`
  return execFileSync(join(bin, tool), args, { cwd, encoding: 'utf8', env: { ...process.env, PATH: path } })
}

/** Where {@link generate} puts parley_pb.js (protobuf-es), parley_pbjs.js and parley_pbf.js. */
export function generatedFolder(idType: IdType): string {
  return join(folder, idType)
}

/** Runs the three generators on proto/parley.proto. */
export function generate(idType: IdType): void {
  const target = generatedFolder(idType)
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, 'package.json'), '{"type":"module"}')
  const schema = readFileSync(join(root, 'proto/parley.proto'), 'utf8').replaceAll('fixed64', idType)
  writeFileSync(join(target, 'parley.proto'), schema)
  const template = { version: 'v2', plugins: [{ local: 'protoc-gen-es', out: '.', opt: ['target=js'] }] }
  run('buf', ['generate', '.', '--template', JSON.stringify(template)], target)
  const pbjs = ['-t', 'static-module', '-w', 'esm', '-r', idType, '--no-comments']
  run('pbjs', [...pbjs, 'parley.proto', '-o', 'parley_pbjs.js'], target)
  writeFileSync(join(target, 'parley_pbf.js'), run('pbf', ['parley.proto'], target))
}
