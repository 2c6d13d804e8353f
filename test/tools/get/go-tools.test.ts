import { chmod, lstat, mkdir, mkdtemp, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { BuildError, GoTools } from '../../../tools/get/go-tools.ts'
import { type Pin, readPins } from '../../../tools/get/pins.ts'
import { runProgram } from '../../../tools/get/run-program.ts'
import { findTool, testWithTools } from '../../helpers/tools.ts'

const test = testWithTools(anyTest, 'go')

// All that is built here is on this machine.
process.env['GOPROXY'] = 'off'
process.env['GOTOOLCHAIN'] = 'local'

const PROGRAM = 'package main\nimport "fmt"\nfunc main() { fmt.Println("hello again") }\n'

interface Bench {
  readonly directory: string
  /** Where programs of the PATH are. */
  readonly path: string
  readonly tools: GoTools
  place(name: string): string
  /** Writes a go.mod that pins the program to the version. */
  pin(version: string, source?: string): Promise<Pin>
}

async function openBench(t: ExecutionContext, withGo = true): Promise<Bench> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'parley-tools-')))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [folder, path, module] = ['.tools', 'path', 'module'].map((name) => join(directory, name))
  if (folder === undefined || path === undefined || module === undefined) throw new TypeError('unreachable')
  await mkdir(path)
  await mkdir(join(module, 'hello'), { recursive: true })
  const goMod = join(module, 'go.mod')
  const goFolders = withGo ? [dirname(findTool('go') ?? '')] : []
  return {
    directory,
    path,
    tools: new GoTools(folder, goMod, [path, ...goFolders]),
    place: (name) => join(folder, name),
    pin: async (version, source = PROGRAM) => {
      const text = `module tools\ngo 1.24\ntool example.com/hello\nrequire example.com/hello ${version}\n`
      await writeFile(goMod, `${text}replace example.com/hello => ./hello\n`)
      await writeFile(join(module, 'hello', 'go.mod'), 'module example.com/hello\ngo 1.24\n')
      await writeFile(join(module, 'hello', 'main.go'), source)
      return readPins(await readFile(goMod, 'utf8'))[0]!
    },
  }
}

async function addProgram(folder: string, name: string, output: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\necho ${output}\n`)
  await chmod(path, 0o755)
  return path
}

test('a program is built once, and again when its pin changes', async (t) => {
  const { tools, pin, place } = await openBench(t)
  const first = await pin('v1.2.3')
  const seen: (readonly [number, number])[] = []
  const progress = {
    downloaded: () => undefined,
    compiled: (packages: number, total: number) => void seen.push([packages, total]),
  }
  t.is((await tools.get(first, progress)).how, 'built')
  t.is((await runProgram(place('hello'), [])).stdout, 'hello again\n')
  t.true(seen.length > 0 && seen.every(([packages, total]) => packages <= total))
  t.is((await tools.get(first)).how, 'there')
  t.is((await tools.get(await pin('v1.2.4'))).how, 'built')
})

test('a program of the PATH is linked if it has the pinned version', async (t) => {
  const { tools, pin, place, path } = await openBench(t)
  const program = await addProgram(path, 'hello', 'hello v1.2.3')
  const got = await tools.get(await pin('v1.2.3'))
  t.deepEqual(got, { how: 'linked', path: program })
  t.is(await readlink(place('hello')), program)
  t.is((await tools.get(await pin('v1.2.3'))).how, 'there')
})

test('a program of the PATH with another version is left alone', async (t) => {
  const { tools, pin, place, path } = await openBench(t)
  await addProgram(path, 'hello', 'hello v1.2.2')
  t.is((await tools.get(await pin('v1.2.3'))).how, 'built')
  t.false((await lstat(place('hello'))).isSymbolicLink())
})

test('a link whose program has gone is made good', async (t) => {
  const { tools, pin, path } = await openBench(t)
  const program = await addProgram(path, 'hello', 'hello v1.2.3')
  const one = await pin('v1.2.3')
  await tools.get(one)
  await rm(program)
  t.is((await tools.get(one)).how, 'built')
})

test('a program that cannot be compiled is an error in the words of Go, and leaves nothing', async (t) => {
  const { tools, pin, place } = await openBench(t)
  const one = await pin('v1.2.3', 'package main\nfunc main() { nothing() }\n')
  const error = await t.throwsAsync(tools.get(one), { instanceOf: BuildError })
  t.regex(error?.message ?? '', /hello v1\.2\.3 could not be built by go version go.*undefined: nothing/s)
  await t.throwsAsync(lstat(place('hello')), { code: 'ENOENT' })
  await t.throwsAsync(lstat(place('hello.unfinished')), { code: 'ENOENT' })
})

test('without Go the error says what to do', async (t) => {
  const { tools, pin, place } = await openBench(t, false)
  const message = /^hello v1\.2\.3 is built by Go, .* install it from https:\/\/go\.dev\/dl/
  await t.throwsAsync(tools.get(await pin('v1.2.3')), { instanceOf: BuildError, message })
  await t.throwsAsync(lstat(place('hello')), { code: 'ENOENT' })
})

test('too old a Go is an error that says what to install', async (t) => {
  const { tools, pin, directory } = await openBench(t)
  const one = await pin('v1.2.3')
  const goMod = join(directory, 'module', 'go.mod')
  await writeFile(goMod, (await readFile(goMod, 'utf8')).replace('go 1.24', 'go 1.999'))
  await t.throwsAsync(tools.get(one), { instanceOf: BuildError, message: /Install Go 1\.999 or newer/ })
})
