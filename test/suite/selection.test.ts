import test from 'ava'
import { findReferences } from './references.ts'
import { readOptions } from './options.ts'
import { listFiles, readReferences } from './repository.ts'
import { selectChanged, selectLong, withShortForm } from './selection.ts'

const FILES = new Set([
  'config/proxy.cfg',
  'docs/a.md',
  'docs/b.md',
  'package.json',
  'src/main.ts',
  'src/mail.ts',
  'test/helpers/long.ts',
  'test/load/chat.ts',
  'test/mail/mail.test.ts',
])

const references = (text: string): string[] => [...findReferences('test/mail/mail.test.ts', text, FILES)].sort()

test('a file refers to what it imports, and to what it names from its folder or one above', (t) => {
  t.deepEqual(references(`import { a } from '../../src/mail.ts'\nexport * from "../helpers/long.ts"`), [
    'src/mail.ts',
    'test/helpers/long.ts',
  ])
  t.deepEqual(references(`await import('../../src/mail.ts'); new URL('../../config/proxy.cfg', import.meta.url)`), [
    'config/proxy.cfg',
    'src/mail.ts',
  ])
  t.deepEqual(references(`'long.ts'; 'helpers/long.ts'`), ['test/helpers/long.ts'])
  t.deepEqual(references(`spawn(node, ['src/main.ts']); readFile('package.json')`), ['package.json', 'src/main.ts'])
})

test('a folder stands for all its files, and a path that is filled in for its folder', (t) => {
  t.deepEqual(references(`readdir('../../docs/')`), ['docs/a.md', 'docs/b.md'])
  t.deepEqual(references('new URL(`../../test/load/${name}.ts`, import.meta.url)'), ['test/load/chat.ts'])
})

test('words, addresses, packages, comments and the repository itself are no files', (t) => {
  t.deepEqual(references('/** As `src/main.ts` does. */\n  // See `docs/a.md`'), [])
  t.deepEqual(references(`call('docs', '/', './', '../..', '/docs/', 'http://x/docs/', 'ava', 'node:fs')`), [])
})

test('a change touches the tests that reach it, over any number of files', (t) => {
  const graph = new Map([
    ['test/a.test.ts', new Set(['test/helper.ts'])],
    ['test/b.test.ts', new Set(['src/other.ts'])],
    ['test/helper.ts', new Set(['src/mail.ts'])],
    // A cycle ends.
    ['src/mail.ts', new Set(['src/post.ts'])],
    ['src/post.ts', new Set(['src/mail.ts', 'config/proxy.cfg'])],
  ])
  const touched = (...changed: string[]) => selectChanged(graph, new Set(changed)).tests
  t.deepEqual(touched('config/proxy.cfg'), ['test/a.test.ts'])
  t.deepEqual(touched('test/b.test.ts'), ['test/b.test.ts'])
  t.deepEqual(touched('src/other.ts', 'src/mail.ts'), ['test/a.test.ts', 'test/b.test.ts'])
  t.deepEqual(touched('README.md', '.prettierrc.json'), [])
  t.deepEqual(touched(), [])
  t.deepEqual(touched('package-lock.json'), ['test/a.test.ts', 'test/b.test.ts'])
  t.deepEqual(selectChanged(graph, new Set(['src/unknown.ts'])), {
    tests: ['test/a.test.ts', 'test/b.test.ts'],
    because: 'no test names src/unknown.ts',
  })
})

test('in this repository a change is led to its tests, and to few others', async (t) => {
  const graph = new Map(await readReferences(await listFiles()))
  // This one names them all.
  graph.delete('test/suite/selection.test.ts')
  const all = [...graph.keys()].filter((file) => file.endsWith('.test.ts')).length
  const touched = (file: string) => selectChanged(graph, new Set([file])).tests
  for (const [changed, tested] of [
    ['config/haproxy.cfg', 'test/cluster/haproxy.test.ts'],
    ['docs/limits.md', 'test/limits/limits.test.ts'],
    ['proto/parley.proto', 'test/proto/codec.test.ts'],
    ['src/storage/migrations/0003-slots.ts', 'test/storage/migrate.test.ts'],
    ['src/api/node.ts', 'test/api/start.test.ts'],
    ['tools/chat/main.ts', 'test/tools/chat/chat.test.ts'],
    ['client/crypto/wire/address.ts', 'test/client/crypto/wire/address.test.ts'],
  ] as const) {
    t.true(touched(changed).includes(tested), changed)
    t.true(touched(changed).length < all, changed)
  }
  const { tests } = selectLong(graph)
  t.true(tests.includes('test/model/walk.test.ts'))
  t.true(tests.includes('test/cluster/upgrade.long.test.ts'))
  t.false(withShortForm(tests).includes('test/cluster/upgrade.long.test.ts'))
  t.false(tests.includes('test/api/start.test.ts'))
})

test('the options of the suite are taken, and AVA gets the others', (t) => {
  t.deepEqual(readOptions([]), { long: false, changed: undefined, rest: [] })
  t.deepEqual(readOptions(['--changed']), { long: false, changed: 'HEAD', rest: [] })
  t.deepEqual(readOptions(['--changed=main', '--long']), { long: true, changed: 'main', rest: [] })
  const rest = ['test/a.test.ts', '--match', '*mail*', '--serial']
  t.deepEqual(readOptions(rest).rest, rest)
  t.deepEqual(readOptions(['--match=*mail*', 'test/a.test.ts']).rest.toSorted(), ['--match=*mail*', 'test/a.test.ts'])
})
