import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const CLIENT = fileURLToPath(new URL('../../client', import.meta.url))

const LIBRARIES = `
  export * as nacl from 'tweetnacl'
  export { sha256, sha512 } from '@noble/hashes/sha2.js'
  export { hmac } from '@noble/hashes/hmac.js'
  export { extract, expand } from '@noble/hashes/hkdf.js'
  export { ml_kem768 } from '@noble/post-quantum/ml-kem.js'`

const CRYPTO = ['sessions/send', 'sessions/receive', 'devices/bundle', 'devices/accept-lists', 'devices/pre-keys']
  .concat('devices/safety-number', 'signals/signal', 'primitives/platform')
  .map((file) => `export * from './crypto/${file}.ts'`)
  .join('\n')

/** What a browser loads to start with, minified and compressed by gzip, in KB. What is imported later is not counted. */
export async function measureBundles(): Promise<readonly (readonly [name: string, kilobytes: number])[]> {
  return [
    ['libraries alone', await sizeOf(LIBRARIES)],
    ['with client/crypto', await sizeOf(CRYPTO)],
    ['the whole Client', await sizeOf(`export { Client } from './client.ts'`)],
  ]
}

async function sizeOf(contents: string): Promise<number> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: CLIENT, loader: 'ts' },
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    outdir: 'out',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  const { outputs } = metafile
  const entry = Object.keys(outputs).find((name) => outputs[name]?.entryPoint === '<stdin>') as string
  const wanted = new Set<string>()
  const want = (name: string): void => {
    if (wanted.has(name)) return
    wanted.add(name)
    for (const { path, kind } of outputs[name]?.imports ?? []) if (kind === 'import-statement') want(path)
  }
  want(entry)
  const files = outputFiles.filter(({ path }) => [...wanted].some((name) => path.endsWith(name)))
  return files.reduce((sum, { contents: bytes }) => sum + gzipSync(bytes, { level: 9 }).length, 0) / 1_000
}
