import test from 'ava'
import { Ledger } from '../../client/ledger.ts'
import { memoryStore } from '../../client/memory-store.ts'
import type { Store } from '../../client/store.ts'

function counting(inner: Store): { store: Store; transactions: () => number } {
  let count = 0
  const store: Store = {
    transaction(work) {
      count += 1
      return inner.transaction(work)
    },
    close: () => inner.close(),
  }
  return { store, transactions: () => count }
}

test('what is recorded together, or while the store is busy, is one transaction, in order', async (t) => {
  const { store, transactions } = counting(memoryStore())
  const ledger = new Ledger(store)
  const log: string[] = []
  const record = (name: string, then: () => void = () => {}): void =>
    ledger.record({
      apply: async () => {
        log.push(`apply ${name}`)
        then()
        return name
      },
      done: (result) => void log.push(`done ${result}`),
      failed: () => t.fail(),
    })
  record('a', () => {
    record('c')
    record('d')
  })
  record('b')
  await ledger.settled()
  t.deepEqual(log, ['apply a', 'apply b', 'done a', 'done b', 'apply c', 'apply d', 'done c', 'done d'])
  t.is(transactions(), 2)
})

test('the changes of one transaction fail together, and the next ones go on', async (t) => {
  const ledger = new Ledger(memoryStore())
  const log: string[] = []
  const record = (name: string, fails = false): void =>
    ledger.record({
      apply: async () => {
        if (fails) throw new RangeError(name)
      },
      done: () => void log.push(`done ${name}`),
      failed: (error) => void log.push(`failed ${name}: ${String(error)}`),
    })
  record('a')
  record('b', true)
  await ledger.settled()
  record('c')
  await ledger.settled()
  t.deepEqual(log, ['failed a: RangeError: b', 'failed b: RangeError: b', 'done c'])
  t.is(ledger.size, 0)
})
