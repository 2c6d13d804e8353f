import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import { openFileStore } from '../../client/file-store.ts'
import { StoreLockedError } from '../../client/store.ts'
import type { Store } from '../../client/store.ts'
import { times } from '../helpers/long.ts'

/** Of the places where a log is cut: all, or these and the ends of its records. */
const STEP = times(9, 1)

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'parley-file-store-'))

/** Writes one more transaction of three records that belong together. */
function write(store: Store, number: number): Promise<void> {
  return store.transaction(async (transaction) => {
    for (const part of ['a', 'b', 'c']) transaction.put(`record/${number}${part}`, Uint8Array.of(number))
    transaction.put('count', Uint8Array.of(number))
  })
}

/** How many of the transactions are there; fails when one is there in part, or a later one without an earlier one. */
async function countWhole(store: Store): Promise<number> {
  return store.transaction(async (transaction) => {
    const records = await transaction.scan({ prefix: 'record/', limit: 1_000 })
    const [count = 0] = (await transaction.get('count')) ?? []
    const keys = records.map(({ key }) => key).toSorted()
    const expected = Array.from({ length: count }, (_, index) =>
      ['a', 'b', 'c'].map((part) => `record/${index + 1}${part}`),
    )
    if (keys.join() !== expected.flat().toSorted().join()) throw new RangeError(`Torn: ${count}: ${keys.join()}`)
    return count
  })
}

test('a store cut off at any byte of its log opens with the transactions written before the cut, whole', async (t) => {
  const directory = await temporary()
  const store = await openFileStore(join(directory, 'whole'))
  const name = (await readdir(join(directory, 'whole'))).find((file) => file.endsWith('.log'))
  t.truthy(name)
  const log = join(directory, 'whole', name ?? '')
  const ends = [0]
  for (let number = 1; number <= 4; number += 1) {
    await write(store, number)
    ends.push((await stat(log)).size)
  }
  await cp(join(directory, 'whole'), join(directory, 'copy'), { recursive: true })
  await store.close()
  for (let size = 0; size <= (ends.at(-1) ?? 0); size += 1) {
    if (size % STEP > 0 && ends.every((end) => Math.abs(end - size) > 1)) continue
    const cut = join(directory, `cut-${size}`)
    await cp(join(directory, 'copy'), cut, { recursive: true })
    await truncate(join(cut, name ?? ''), size)
    const reopened = await openFileStore(cut)
    t.is(
      await countWhole(reopened),
      ends.findLastIndex((end) => end <= size),
    )
    await write(reopened, 1)
    await reopened.close()
  }
})

test('a process killed while it writes has lost nothing that it was told was written', async (t) => {
  const directory = await temporary()
  const program = `
    import { openFileStore } from ${JSON.stringify(new URL('../../client/file-store.ts', import.meta.url).href)}
    const store = await openFileStore(${JSON.stringify(directory)})
    for (let number = 1; number < 250; number += 1) {
      await store.transaction(async (transaction) => {
        for (const part of ['a', 'b', 'c']) transaction.put('record/' + number + part, Uint8Array.of(number))
        transaction.put('count', Uint8Array.of(number))
      })
      console.log(number)
    }
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let told = 0
  for await (const line of createInterface({ input: child.stdout })) {
    told = Number(line)
    if (told === 100) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  const store = await openFileStore(directory)
  t.true((await countWhole(store)) >= told)
  t.true(told >= 100)
  await store.close()
})

test('a store that is open cannot be opened a second time', async (t) => {
  const directory = await temporary()
  const store = await openFileStore(directory)
  await t.throwsAsync(openFileStore(directory), { instanceOf: StoreLockedError })
  await store.close()
  const again = await openFileStore(directory)
  await again.close()
})

test('the directory of a store is for its owner only', async (t) => {
  const directory = join(await temporary(), 'inner', 'store')
  const store = await openFileStore(directory)
  t.is((await stat(directory)).mode & 0o777, 0o700)
  await store.close()
})
