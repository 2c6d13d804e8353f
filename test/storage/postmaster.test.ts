import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { findPostmaster, removeStrayPidFile } from '../../src/storage/postmaster.ts'

async function folderWith(t: ExecutionContext, content: string): Promise<{ folder: string; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-postmaster-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'postmaster.pid')
  await writeFile(file, content)
  return { folder, file }
}

/** A process whose command names the folder, as that of its server does. */
async function runIn(t: ExecutionContext, folder: string): Promise<number> {
  const child = spawn('sh', ['-c', 'echo runs; read line', folder], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill())
  await once(child.stdout, 'data')
  return child.pid!
}

/** Of a process that is gone. */
async function deadPid(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid!
}

const isThere = (file: string) =>
  readFile(file).then(
    () => true,
    () => false,
  )

test('to look for a server changes nothing', async (t) => {
  for (const content of ['', '1\n', 'x\n', `${await deadPid()}\n`, `${process.pid}\n`]) {
    const { folder, file } = await folderWith(t, content)
    t.is(await findPostmaster(folder), undefined)
    t.is(await readFile(file, 'utf8'), content)
  }
})

test('a server that runs is found, and its file stays', async (t) => {
  const { folder, file } = await folderWith(t, '')
  const pid = await runIn(t, folder)
  await writeFile(file, `${pid}\n${folder}\n0\n5432\n/run/here\n`)
  t.deepEqual(await findPostmaster(folder), { pid, socketFolder: '/run/here' })
  await removeStrayPidFile(folder)
  t.true(await isThere(file))
})

test('a file whose number something else has goes, one that PostgreSQL removes itself stays', async (t) => {
  const taken = await folderWith(t, `${process.pid}\n`)
  const dead = await folderWith(t, `${await deadPid()}\n`)
  await removeStrayPidFile(taken.folder)
  await removeStrayPidFile(dead.folder)
  t.deepEqual([await isThere(taken.file), await isThere(dead.file)], [false, true])
})

test('a file that a server is about to fill stays, one that is never filled goes', async (t) => {
  const filled = await folderWith(t, '')
  const never = await folderWith(t, '')
  const pid = await runIn(t, filled.folder)
  const removed = Promise.all([removeStrayPidFile(filled.folder), removeStrayPidFile(never.folder)])
  await writeFile(filled.file, `${pid}\n`)
  await removed
  t.deepEqual([await isThere(filled.file), await isThere(never.file)], [true, false])
})
