import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { TEST_SERVER } from './helpers/database.ts'
import { TEST_DATA } from './helpers/data-dir.ts'
import { LONG } from './helpers/long.ts'
import { readOptions } from './suite/options.ts'
import type { Options } from './suite/options.ts'
import { listChanges, listFiles, readReferences } from './suite/repository.ts'
import { selectChanged, selectLong, withShortForm } from './suite/selection.ts'
import { TemporaryFolder } from './suite/temporary-folder.ts'
import { TestServer } from './suite/test-server.ts'

/** Kept between runs: Node has every module ready that did not change since. */
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/test-modules', import.meta.url))

/** Runs AVA beside one PostgreSQL server whose migrated template each test file clones. */
const options = readOptions(process.argv.slice(2))
const files = await select(options)
process.exit(files?.length === 0 ? 0 : await run(options, files ?? []))

/** The files that the options ask for; undefined: AVA decides. */
async function select({ long, changed, rest }: Options): Promise<readonly string[] | undefined> {
  if (!long && changed === undefined) return undefined
  const references = await readReferences(await listFiles())
  if (changed === undefined) {
    const { tests } = selectLong(references)
    // AVA gets the files that were named anyway.
    return rest.some((one) => tests.includes(one)) ? undefined : tests
  }
  const changes = await listChanges(changed)
  const { tests, because } = selectChanged(references, changes)
  const reason = because === undefined ? '' : ` (${because})`
  console.log(`${changes.size} files differ from ${changed} and touch ${tests.length} test files${reason}.`)
  if (!long) return withShortForm(tests)
  const withLongForm = new Set(selectLong(references).tests)
  return tests.filter((test) => withLongForm.has(test))
}

async function run({ long, rest }: Options, selected: readonly string[]): Promise<number> {
  await using folder = await TemporaryFolder.create()
  // Of the server too.
  process.env['TMPDIR'] = folder.path
  await using server = await TestServer.start()
  // The program of Node that runs this, and not the first on the PATH.
  const ava = spawn(process.execPath, ['node_modules/.bin/ava', ...rest, ...selected], {
    stdio: 'inherit',
    env: {
      ...process.env,
      [TEST_SERVER]: server.url,
      [TEST_DATA]: server.dataDir,
      ...(long && { [LONG]: 'true' }),
      NODE_COMPILE_CACHE: COMPILE_CACHE,
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ava.kill(signal))
  const [code] = (await once(ava, 'exit')) as [number | null]
  return code ?? 1
}
