import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { TEST_SERVER } from './helpers/database.ts'
import { TestServer } from './suite/test-server.ts'

/** Kept between runs: Node has every module ready that did not change since. */
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/test-modules', import.meta.url))

/** Runs AVA, with the arguments given, beside one PostgreSQL server whose migrated template each test file clones. */
process.exitCode = await run(process.argv.slice(2))

async function run(args: readonly string[]): Promise<number> {
  await using server = await TestServer.start()
  // The program of Node that runs this, and not the first on the PATH.
  const ava = spawn(process.execPath, ['node_modules/.bin/ava', ...args], {
    stdio: 'inherit',
    env: { ...process.env, [TEST_SERVER]: server.url, NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ava.kill(signal))
  const [code] = (await once(ava, 'exit')) as [number | null]
  return code ?? 1
}
