import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'
import { loadMasterKeys } from '../../../src/api/hosted/load-master-keys.ts'
import { StartError } from '../../../src/shared/start-error.ts'
import { masterKey } from '../../helpers/hosted.ts'

const createDataDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'parley-keys-'))
const [FIRST, SECOND] = [masterKey('first'), masterKey('second')]

test('a node alone makes a key for its owner only, says so once, and finds it again', async (t) => {
  const dataDir = await createDataDir()
  const made: string[] = []
  const load = () => loadMasterKeys({ configured: undefined, dataDir }, (file) => made.push(file))
  const first = await load()
  const file = join(dataDir, 'master.key')
  t.deepEqual(made, [file])
  t.is((await stat(file)).mode & 0o777, 0o600)
  t.is(Buffer.from((await readFile(file, 'utf8')).trim(), 'base64').length, 32)
  t.deepEqual((await load())?.first, first?.first)
  t.is(made.length, 1)
})

test('the environment goes before the file, whose keys still open', async (t) => {
  const dataDir = await createDataDir()
  await writeFile(join(dataDir, 'master.key'), `${Buffer.from(SECOND).toString('base64')}\n`)
  const keys = await loadMasterKeys({ configured: [FIRST], dataDir }, () => t.fail())
  t.deepEqual(keys?.first, FIRST)
  t.deepEqual(keys?.find(masterKeyId(SECOND)), Buffer.from(SECOND))
  t.true(keys?.isFirst(masterKeyId(FIRST)))
  t.false(keys?.isFirst(masterKeyId(SECOND)))
})

test('with databases of its own a node has the keys of the environment, or none', async (t) => {
  const load = (configured: readonly Uint8Array[] | undefined) =>
    loadMasterKeys({ configured, dataDir: undefined }, () => t.fail())
  t.is(await load(undefined), undefined)
  t.deepEqual((await load([FIRST, SECOND]))?.first, FIRST)
})

test('a file that holds no key stops the start with one line that does not repeat it', async (t) => {
  const dataDir = await createDataDir()
  const file = join(dataDir, 'master.key')
  for (const text of ['secret', '', 'ab'.repeat(31)]) {
    await writeFile(file, text)
    const load = loadMasterKeys({ configured: undefined, dataDir }, () => t.fail())
    const error = await t.throwsAsync(load, { instanceOf: StartError })
    t.true(error.message.startsWith(file))
    t.notRegex(error.message, /secret|\n|abab/)
  }
})
