import test from 'ava'
import { orderOf } from '../../client/chat-order.ts'
import { DeviceState } from '../../client/device-state.ts'
import { readChats, readHistory } from '../../client/history.ts'
import { HistoryShelf } from '../../client/history-shelf.ts'
import { memoryStore } from '../../client/memory-store.ts'
import type { Body } from '../../client/message.ts'
import type { SentElsewhere } from '../../client/shelf.ts'
import type { Transaction } from '../../client/store.ts'
import { ManualClock } from './helpers/manual-clock.ts'
import { contentOf, PEER, uuid } from './helpers/scripted.ts'

const from = { user: PEER, device: 1 }
const stampOf = (ms: number): bigint => BigInt(ms) << 22n
const text = (said: string): Body => ({ type: 'text', text: said })

const received = (number: number, ms: number) => ({
  from,
  id: uuid(number),
  sentAt: ms,
  messageId: stampOf(ms),
  body: text(`in ${ms}`),
  hosted: false,
})

const sent = (number: number, ms: number): SentElsewhere => ({
  id: uuid(number),
  chat: PEER,
  device: 1,
  body: text(`out ${ms}`),
  order: orderOf(stampOf(ms)),
  sentAt: ms,
  status: 'accepted',
  deliveredTo: [],
})

async function onShelf(work: (transaction: Transaction, shelf: HistoryShelf) => Promise<void>): Promise<void> {
  await memoryStore().transaction(async (transaction) =>
    work(transaction, new HistoryShelf(await DeviceState.read(transaction), new ManualClock())),
  )
}

test('a chat has one order, whichever of its messages is read first', async (t) => {
  await onShelf(async (transaction, shelf) => {
    await shelf.addSent(transaction, sent(1, 200))
    await shelf.addSent(transaction, sent(2, 400))
    await shelf.addIncoming(transaction, received(3, 300))
    await shelf.addIncoming(transaction, received(4, 100))
    t.deepEqual((await readHistory(transaction, PEER, 9)).map(contentOf), ['in 100', 'out 200', 'in 300', 'out 400'])
    t.like((await readChats(transaction))[0], { unread: 2, lastAt: 400 })
  })
})

test('two messages of one place are both there', async (t) => {
  await onShelf(async (transaction, shelf) => {
    for (const number of [1, 2, 3])
      await shelf.addIncoming(transaction, { ...received(number, 100), body: text(`${number}`) })
    t.deepEqual((await readHistory(transaction, PEER, 9)).map(contentOf), ['1', '2', '3'])
    await shelf.markSeen(transaction, [{ ...from, id: uuid(2) }])
    t.like((await readChats(transaction))[0], { unread: 2 })
  })
})

test('what was read elsewhere before it came here is read when it comes', async (t) => {
  await onShelf(async (transaction, shelf) => {
    const read = [1, 2].map((number) => ({ ...from, id: uuid(number) }))
    t.deepEqual(await shelf.markSeen(transaction, read), [])
    t.like(await shelf.addIncoming(transaction, received(1, 100)), { read: true })
    t.like(await shelf.addIncoming(transaction, { ...received(2, 200), from: { ...from, device: 2 } }), { read: false })
    t.like((await readChats(transaction))[0], { unread: 1 })
  })
})
