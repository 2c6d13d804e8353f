import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const program = require.resolve('@bufbuild/buf/bin/buf')

/** Runs buf (buf.build/docs/reference/cli) in a folder, and returns what it wrote to its output. */
export function buf(args: readonly string[], folder: string): Uint8Array {
  return execFileSync(process.execPath, [program, ...args], { cwd: folder, maxBuffer: 2 ** 24 })
}

/** The compiled schemas of a folder: a serialized google.protobuf.FileDescriptorSet. */
export function compileSchemas(folder: string): Uint8Array {
  return buf(['build', '.', '-o', '-'], folder)
}
