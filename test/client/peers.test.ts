import test from 'ava'
import { memoryStore } from '../../client/memory-store.ts'
import { Peers } from '../../client/peers.ts'

const USER = 15550000002

test('a user never written to is taken to have the primary device, until the server says otherwise', (t) => {
  const peers = new Peers()
  t.deepEqual(peers.devicesOf(USER), [1])
  peers.correct(USER, { missing: [3, 2], extra: [], stale: [] })
  t.deepEqual(peers.devicesOf(USER), [1, 2, 3])
  peers.correct(USER, { missing: [], extra: [1], stale: [3] })
  t.deepEqual(peers.devicesOf(USER), [2, 3])
})

test('a list that makes no sense is bounded', (t) => {
  const peers = new Peers()
  const missing = [0, -1, 1.5, Number.NaN, ...Array.from({ length: 100 }, (_, index) => index + 1)]
  peers.correct(USER, { missing, extra: [], stale: [] })
  t.deepEqual(peers.devicesOf(USER), [1, 2, 3, 4, 5, 6, 7, 8])
})

test('a corrected list is there after the next start', async (t) => {
  const store = memoryStore()
  await store.transaction(async (transaction) => {
    const peers = new Peers()
    peers.correct(USER, { missing: [4], extra: [1], stale: [] })
    peers.write(transaction, USER)
  })
  await store.transaction(async (transaction) => {
    const peers = new Peers()
    await peers.load(transaction, USER)
    t.deepEqual(peers.devicesOf(USER), [4])
  })
})
