import type { ExecutionContext, TestFn } from 'ava'
import * as fc from 'fast-check'
import { StoreClosedError } from '../../../client/store.ts'
import type { KeyRange, Store } from '../../../client/store.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

async function scan(store: Store, range: KeyRange): Promise<string[]> {
  const records = await store.transaction((transaction) => transaction.scan(range))
  return records.map(({ key, value }) => `${key}=${new TextDecoder().decode(value)}`)
}

export interface StoreContract {
  readonly name: string
  /** An empty store. */
  open(t: ExecutionContext): Promise<Store>
  /** Of the test of scans. */
  readonly runs?: number
}

/** What every kind of store must do. */
export function testStore(test: TestFn, { name, open, runs = 200 }: StoreContract): void {
  test(`${name} store: a transaction sees what it wrote, and others see it when it has resolved`, async (t) => {
    const store = await open(t)
    await store.transaction(async (transaction) => {
      t.is(await transaction.get('a/1'), undefined)
      transaction.put('a/1', bytes('one'))
      t.deepEqual(await transaction.get('a/1'), bytes('one'))
      transaction.put('a/2', bytes('two'))
      transaction.delete('a/2')
      t.is(await transaction.get('a/2'), undefined)
    })
    t.deepEqual(await scan(store, { prefix: 'a/', limit: 9 }), ['a/1=one'])
    await store.close()
  })

  test(`${name} store: a transaction that throws has written nothing, and the next one works`, async (t) => {
    const store = await open(t)
    const failing = store.transaction(async (transaction) => {
      transaction.put('a/1', bytes('one'))
      throw new RangeError('no')
    })
    await t.throwsAsync(failing, { instanceOf: RangeError })
    t.deepEqual(await scan(store, { prefix: 'a/', limit: 9 }), [])
    await store.close()
  })

  test(`${name} store: transactions run one after the other`, async (t) => {
    const store = await open(t)
    const increment = (): Promise<void> =>
      store.transaction(async (transaction) => {
        const [count = 0] = (await transaction.get('count')) ?? []
        transaction.put('count', Uint8Array.of(count + 1))
      })
    await Promise.all(Array.from({ length: 50 }, increment))
    t.deepEqual(await store.transaction((transaction) => transaction.get('count')), Uint8Array.of(50))
    await store.close()
  })

  test(`${name} store: empty values are values`, async (t) => {
    const store = await open(t)
    await store.transaction(async (transaction) => transaction.put('empty', new Uint8Array(0)))
    t.deepEqual(await store.transaction((transaction) => transaction.get('empty')), new Uint8Array(0))
    await store.close()
  })

  test(`${name} store: what was closed says so`, async (t) => {
    const store = await open(t)
    const under = store.transaction(async (transaction) => transaction.put('a/1', bytes('one')))
    await store.close()
    await under
    await t.throwsAsync(
      store.transaction(async () => {}),
      { instanceOf: StoreClosedError },
    )
    await t.notThrowsAsync(store.close())
  })

  test(`${name} store: scans give the range in order, also with the transaction's own changes`, async (t) => {
    const store = await open(t)
    const model = new Map<string, string>()
    const key = fc.tuple(fc.constantFrom('a/', 'b/', 'b0'), fc.nat(20)).map(([prefix, number]) => `${prefix}${number}`)
    const change = fc.tuple(key, fc.option(fc.string({ maxLength: 3 }), { nil: undefined }))
    const range = fc.record({
      prefix: fc.constantFrom('a/', 'b/', 'b'),
      after: fc.option(fc.nat(20), { nil: undefined }),
      before: fc.option(fc.nat(20), { nil: undefined }),
      reverse: fc.boolean(),
      limit: fc.integer({ min: 1, max: 8 }),
    })
    const property = fc.asyncProperty(fc.array(change, { maxLength: 12 }), range, async (changes, wanted) => {
      const { prefix, reverse, limit } = wanted
      const after = wanted.after === undefined ? {} : { after: `${prefix}${wanted.after}` }
      const before = wanted.before === undefined ? {} : { before: `${prefix}${wanted.before}` }
      const keyRange: KeyRange = { prefix, reverse, limit, ...after, ...before }
      const within = await store.transaction(async (transaction) => {
        for (const [changed, value] of changes) {
          if (value === undefined) transaction.delete(changed)
          else transaction.put(changed, bytes(value))
        }
        return transaction.scan(keyRange)
      })
      for (const [changed, value] of changes) {
        if (value === undefined) model.delete(changed)
        else model.set(changed, value)
      }
      const expected = [...model]
        .filter(([known]) => known.startsWith(prefix))
        .filter(([known]) => after.after === undefined || known > after.after)
        .filter(([known]) => before.before === undefined || known < before.before)
        .sort(([a], [b]) => (a < b ? -1 : 1))
      if (reverse) expected.reverse()
      const lines = expected.slice(0, limit).map(([known, value]) => `${known}=${value}`)
      t.deepEqual(await scan(store, keyRange), lines)
      t.deepEqual(
        within.map((record) => `${record.key}=${new TextDecoder().decode(record.value)}`),
        lines,
      )
    })
    await fc.assert(property, { numRuns: runs })
    await store.close()
  })
}
