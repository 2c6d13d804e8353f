import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buf } from '../../proto/generator/buf.ts'

const root = join(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)
const protocGenEs = require.resolve('@bufbuild/protoc-gen-es/bin/protoc-gen-es')
const pbjs = require.resolve('protobufjs-cli/bin/pbjs')
const pbf = join(root, 'node_modules/.bin/pbf')

/** Inside node_modules, so that generated code finds its runtime and git does not see it. */
const folder = join(root, 'node_modules/.cache/codec-bench')

/** The type of message ids in the schema: the bench measures both. */
export type IdType = 'fixed64' | 'uint64'

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
  const template = {
    version: 'v2',
    plugins: [{ local: [process.execPath, protocGenEs], out: '.', opt: ['target=js'] }],
  }
  buf(['generate', '.', '--template', JSON.stringify(template)], target)
  const options = ['-t', 'static-module', '-w', 'esm', '-r', idType, '--no-comments']
  run(pbjs, [...options, 'parley.proto', '-o', 'parley_pbjs.js'], target)
  writeFileSync(join(target, 'parley_pbf.js'), run(pbf, ['parley.proto'], target))
}

function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(process.execPath, [program, ...args], { cwd, encoding: 'utf8' })
}
