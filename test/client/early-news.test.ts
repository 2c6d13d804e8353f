import test from 'ava'
import { EarlyNews } from '../../client/early-news.ts'
import { memoryStore } from '../../client/memory-store.ts'
import { recordsOf } from './helpers/stores.ts'

const DAY_MS = 24 * 3600 * 1000

test('news wait for their message, are joined, only move forward, and are taken once, after a restart too', async (t) => {
  const store = memoryStore()
  const before = new EarlyNews()
  await store.transaction(async (transaction) => {
    await before.put(transaction, 1, 'a', { status: 'read' }, 5)
    await before.put(transaction, 1, 'a', { status: 'delivered', devices: [1] }, 6)
    await before.put(transaction, 1, 'a', { status: 'delivered', devices: [2] }, 7)
    await before.put(transaction, 2, 'a', { read: true }, 8)
  })
  const after = new EarlyNews()
  await store.transaction(async (transaction) => {
    await after.load(transaction)
    t.like(await after.take(transaction, 1, 'a'), { status: 'read', devices: [1, 2] })
    t.is(await after.take(transaction, 1, 'a'), undefined)
    t.like(await after.take(transaction, 2, 'a'), { read: true })
  })
  t.deepEqual(await recordsOf(store), [])
})

test('of one chat 1,000 messages are waited for, and nobody takes the room of others', async (t) => {
  const store = memoryStore()
  const early = new EarlyNews()
  await store.transaction((transaction) => early.put(transaction, 1, 'mine', { read: true }, 5))
  for (let chat = 2; chat <= 11; chat++) {
    await store.transaction(async (transaction) => {
      for (let i = 0; i < 1_001; i++) await early.put(transaction, chat, `${i}`, { status: 'read' }, 5)
    })
  }
  t.is((await recordsOf(store)).length, 10_000)
  await store.transaction(async (transaction) => {
    t.truthy(await early.take(transaction, 1, 'mine'))
    t.is(await early.take(transaction, 2, '1000'), undefined)
  })
})

test('what has waited too long is given up', async (t) => {
  const store = memoryStore()
  const early = new EarlyNews()
  await store.transaction(async (transaction) => {
    await early.put(transaction, 1, 'old', { read: true }, 0)
    await early.put(transaction, 1, 'new', { read: true }, 30 * DAY_MS)
    await early.forgetOld(transaction, 36 * DAY_MS)
    t.is(await early.take(transaction, 1, 'old'), undefined)
    t.truthy(await early.take(transaction, 1, 'new'))
  })
})
