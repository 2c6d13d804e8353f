import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ConfigError, parseConfig } from '../../config/config.ts'
import { nameAfter } from '../../config/env.ts'
import { readEnvFile } from '../../config/env-file.ts'

const newFile = async () => join(await mkdtemp(join(tmpdir(), 'parley-env-')), '.env')

test('a file is read in UTF-8 and UTF-16, with a byte order mark and without; no file is an empty one', async (t) => {
  const file = await newFile()
  t.deepEqual(readEnvFile(file), {})
  const text = 'PORT=4000\r\nNODE_NAME="köln"\r\n# LOG_LEVEL=debug\r\n'
  const wide = Buffer.from(`\u{feff}${text}`, 'utf16le')
  for (const bytes of [
    Buffer.from(text),
    Buffer.from(`\u{feff}${text}`),
    wide,
    wide.subarray(2),
    Buffer.from(wide).swap16(),
  ]) {
    await writeFile(file, bytes)
    t.deepEqual({ ...readEnvFile(file) }, { PORT: '4000', NODE_NAME: 'köln' })
  }
  await writeFile(file, '')
  t.deepEqual(readEnvFile(file), {})
})

test('what cannot be read is told in one line', async (t) => {
  const file = await newFile()
  const refused = () => t.throws(() => readEnvFile(file), { instanceOf: ConfigError }).message
  await writeFile(file, Buffer.from([0x50, 0xe9, 0x0a]))
  t.is(refused(), `${file} is no text in UTF-8: save it as UTF-8`)
  if (process.getuid?.() !== 0) {
    await chmod(file, 0o000)
    t.is(refused(), `${file} cannot be read (EACCES): let the user that runs this read it`)
  }
  const folder = await newFile()
  await mkdir(folder)
  t.throws(() => readEnvFile(folder), { instanceOf: ConfigError, message: /is a folder/ })
})

test('a node of any host has a name that it may have', (t) => {
  for (const host of ['a', 'h'.repeat(253), 'ip-10-0-0-1.eu-central-1.compute.internal.'.repeat(3), 'büro_1', '']) {
    const { node } = parseConfig({ NODE_NAME: nameAfter(host) })
    t.regex(node.name, /-[0-9a-f]{6}$/)
  }
})
