import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openFileStore } from '../../client/file-store.ts'
import { Kind } from '../../proto/frames.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { accepted, newWorld, PEER, setUp, uuid } from './helpers/scripted.ts'

test('marking a chat as read tells its author once, in batches of a thousand', async (t) => {
  const { client, wire, shown, deliver } = await setUp()
  const session = await wire.session(1)
  const count = 1_200
  session.say(...Array.from({ length: count }, (_, index) => deliver(index + 1)))
  await waitUntil('all is shown', () => shown.length === count)
  await client.markChatRead(PEER)
  await client.markChatRead(PEER)
  const first = await session.nthSent(Kind.READ)
  t.is(session.sent(Kind.READ).length, 1, 'one at a time')
  session.say(accepted(first.id, 1n))
  const reads = [first, await session.nthSent(Kind.READ, 2)]
  t.deepEqual(
    reads.map(({ kind, to, about, copies }) => [kind, to, about.length, copies.length]),
    [
      [Kind.READ, PEER, 1_000, 0],
      [Kind.READ, PEER, 200, 0],
    ],
  )
  t.is(new Set(reads.flatMap(({ about }) => about)).size, count)
  t.deepEqual(await client.chats(), [{ user: PEER, unread: 0, lastAt: 5 }])
  await client.close()
})

test('a receipt that was not accepted goes out again after a restart, with all that was read since', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-'))
  const world = await newWorld()
  const before = await setUp({ store: await openFileStore(directory) }, world)
  const session = await before.wire.session(1)
  session.say(before.deliver(1), before.deliver(2))
  await waitUntil('both are shown', () => before.shown.length === 2)
  await before.client.markRead(before.shown.slice(0, 1))
  await session.nthSent(Kind.READ)
  await before.client.markRead(before.shown)
  await before.client.close()
  const { client, wire } = await setUp({ store: await openFileStore(directory) }, world)
  const next = await wire.session(1)
  const read = await next.nthSent(Kind.READ)
  t.deepEqual(read.about.toSorted(), [uuid(1), uuid(2)])
  next.say(accepted(read.id, 1n))
  await client.markChatRead(PEER)
  await client.close()
  const last = await setUp({ store: await openFileStore(directory) }, world)
  const silent = await last.wire.session(1)
  last.client.sendText(PEER, 'Hello')
  await silent.nthSent(Kind.MESSAGE)
  t.is(silent.sent(Kind.READ).length, 0)
  await last.client.close()
})

test('with read receipts off nobody is told', async (t) => {
  const { client, wire, shown, deliver } = await setUp({ readReceipts: false })
  const session = await wire.session(1)
  session.say(deliver(1))
  await session.nth('ack')
  await waitUntil('it is shown', () => shown.length === 1)
  await client.markRead(shown)
  t.is((await client.chats())[0]?.unread, 0)
  t.is(session.sent(Kind.READ).length, 0)
  await client.close()
})
