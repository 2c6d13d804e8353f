import { openBrowserStore } from '../../../client/browser-store.ts'
import type { KeyRange, Store, Transaction } from '../../../client/store.ts'

// What a page runs: stores and their transactions by number, so that a test can hold them in its hands.

/** Bytes as they travel between a test and its page. */
type Numbers = readonly number[]

/** A value, or the name of the error. */
export type Outcome<T> = { readonly value: T } | { readonly error: string }

interface OpenTransaction {
  readonly transaction: Transaction
  end(failed: boolean): void
  readonly ended: Promise<unknown>
}

const stores: Store[] = []
const transactions: OpenTransaction[] = []
let takenOver = 0
let written = 0

export function openStore(name: string, takeOver: boolean): Promise<Outcome<number>> {
  return outcome(async () => {
    const store = await openBrowserStore(name, { takeOver, onTakenOver: () => void takenOver++ })
    return stores.push(store) - 1
  })
}

/** How often a store of this page was taken over by another one. */
export function countTakenOver(): number {
  return takenOver
}

export function closeStore(store: number): Promise<Outcome<void>> {
  return outcome(async () => stores[store]?.close())
}

/** Resolves when the transaction has begun. */
export function begin(store: number): Promise<Outcome<number>> {
  return outcome(
    () =>
      new Promise<number>((resolve, reject) => {
        const ended = (stores[store] as Store).transaction(
          (transaction) =>
            new Promise<void>((commit, abort) => {
              const end = (failed: boolean): void => (failed ? abort(new RangeError('Ended by the test')) : commit())
              resolve(transactions.push({ transaction, end, ended }) - 1)
            }),
        )
        ended.catch(reject)
      }),
  )
}

export async function get(number: number, key: string): Promise<Numbers | undefined> {
  const value = await (transactions[number] as OpenTransaction).transaction.get(key)
  return value && [...value]
}

export async function scan(number: number, range: KeyRange): Promise<(readonly [key: string, value: Numbers])[]> {
  const records = await (transactions[number] as OpenTransaction).transaction.scan(range)
  return records.map(({ key, value }) => [key, [...value]])
}

export async function put(number: number, key: string, value: Numbers): Promise<void> {
  ;(transactions[number] as OpenTransaction).transaction.put(key, Uint8Array.from(value))
}

export async function remove(number: number, key: string): Promise<void> {
  ;(transactions[number] as OpenTransaction).transaction.delete(key)
}

/** Commits, or fails, a transaction. */
export function end(number: number, failed: boolean): Promise<Outcome<unknown>> {
  const { ended, end: finish } = transactions[number] as OpenTransaction
  finish(failed)
  return outcome(() => ended)
}

/** Writes transactions of three records that belong together, one after the other, until the page ends. */
export async function writeForever(store: number, size: number): Promise<void> {
  for (let number = 1; ; number++) {
    await (stores[store] as Store).transaction(async (transaction) => {
      for (const part of ['a', 'b', 'c']) transaction.put(`record/${number}${part}`, new Uint8Array(size).fill(number))
      transaction.put('count', Uint8Array.of(number >> 8, number & 255))
    })
    written = number
  }
}

/** How many transactions {@link writeForever} was told are written. */
export function countWritten(): number {
  return written
}

/** What {@link writeForever} left: how many transactions, and of each record its key, size and what it is full of. */
export async function readWritten(
  store: number,
): Promise<{ count: number; records: (readonly [string, number, number])[] }> {
  return (stores[store] as Store).transaction(async (transaction) => {
    const [high = 0, low = 0] = (await transaction.get('count')) ?? []
    const found = await transaction.scan({ prefix: 'record/', limit: 10_000 })
    const records = found.map(({ key, value }) => [key, value.length, Math.max(...value)] as const)
    return { count: high * 256 + low, records }
  })
}

/** Adds one to a number in the store, so often. */
export async function increment(store: number, times: number): Promise<Outcome<void>> {
  return outcome(async () => {
    const one = (): Promise<void> =>
      (stores[store] as Store).transaction(async (transaction) => {
        const [high = 0, low = 0] = (await transaction.get('number')) ?? []
        const next = high * 256 + low + 1
        transaction.put('number', Uint8Array.of(next >> 8, next & 255))
      })
    await Promise.all(Array.from({ length: times }, one))
  })
}

/** Everything that lies in the database itself, and whether its key can be read out. */
export async function lookInside(name: string): Promise<{ text: string; extractable: boolean }> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name)
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error))
  })
  const all = <T>(table: string): Promise<T[]> =>
    new Promise((resolve) => {
      const request = database.transaction(table).objectStore(table).getAll()
      request.addEventListener('success', () => resolve(request.result as T[]))
    })
  const values = await all<Uint8Array>('records')
  const meta = await all<unknown>('meta')
  database.close()
  const key = meta.find((one) => one instanceof CryptoKey)
  return {
    text: values.map((value) => new TextDecoder('latin1').decode(value)).join('\n'),
    extractable: key?.extractable ?? true,
  }
}

/** Spoils one record, or exchanges the values of two. */
export async function tamper(name: string, change: 'damage' | 'swap', one: string, other: string): Promise<void> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(name)
    request.addEventListener('success', () => resolve(request.result))
  })
  await new Promise<void>((resolve) => {
    const transaction = database.transaction('records', 'readwrite')
    const records = transaction.objectStore('records')
    const first = records.get(one)
    const second = records.get(other)
    second.addEventListener('success', () => {
      const [a, b] = [first.result as Uint8Array, second.result as Uint8Array]
      if (change === 'swap') {
        records.put(b, one)
        records.put(a, other)
      } else {
        a[a.length - 1] = (a.at(-1) ?? 0) ^ 1
        records.put(a, one)
      }
    })
    transaction.addEventListener('complete', () => resolve())
  })
  database.close()
}

async function outcome<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() }
  } catch (error) {
    return { error: (error as Error).name }
  }
}
