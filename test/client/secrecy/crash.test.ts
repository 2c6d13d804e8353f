import test from 'ava'
import type { ExecutionContext } from 'ava'
import { memoryStore } from '../../../client/memory-store.ts'
import type { StoredRecord } from '../../../client/store.ts'
import { Kind } from '../../../proto/frames.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { Mailbox } from '../helpers/mailbox.ts'
import { ADDRESS, contentOf, newWorld, PEER, setUp, uuid } from '../helpers/scripted.ts'
import type { Setup, World } from '../helpers/scripted.ts'
import { FaultyStore, lasting, recordsOf } from '../helpers/stores.ts'
import type { Failure } from '../helpers/stores.ts'

const phone = { user: PEER, device: 1 }
const ONE_TIME_KEYS = 100
const MAX_WRITES = 60

/** What one client after the other has to do with the same store. */
interface Story extends World {
  readonly mailbox: Mailbox
  /** What the peer has read, in order. */
  readonly read: string[]
  written: number
}

/** The peer writes at first contact, the client writes twice, the peer answers the first of it, the client answers that. */
async function tell(story: Story, made: Setup, isOver: () => boolean): Promise<void> {
  const { client, wire, peer } = made
  const { mailbox, read } = story
  const write = (number: number): void => {
    story.written = number
    mailbox.put(number, phone, peer.phone.text(ADDRESS, uuid(number), `text ${number}`))
  }
  client.on('message', (message) => {
    void client.markRead([message]).catch(() => {})
    // On the session that there is by then.
    if (contentOf(message) === 'text 3') client.sendText(PEER, 'three')
  })
  await waitUntil('a connection is made', () => isOver() || wire.ends.length === 1)
  if (isOver()) return
  const [end] = wire.ends
  end?.open()
  await waitUntil('it connects', () => isOver() || end?.all('connect').length === 1)
  if (isOver()) return
  end?.say({ type: 'connected', session: 's', ...ADDRESS, serverTime: 0, pending: 0, restoredAt: 0, restoredTo: 0 })
  if (end !== undefined) mailbox.begin(end)
  if (story.written === 0) for (const number of [1, 2]) write(number)
  // What was shown and not marked before.
  await client.markChatRead(PEER).catch(() => {})
  const own = await client.history(PEER).catch(() => [])
  const has = (text: string): boolean => own.some((message) => contentOf(message) === text)
  for (const text of ['one', 'two']) if (!has(text)) client.sendText(PEER, text)
  if (has('text 3') && !has('three')) client.sendText(PEER, 'three')
  await waitUntil('the story is over', async () => {
    for (const { kind, copies } of isOver() ? [] : mailbox.pump()) {
      const [copy] = copies
      if (copy === undefined) continue
      const content = peer.phone.open(ADDRESS, copy.payload)
      if (kind === Kind.MESSAGE && content.body.type === 'text') read.push(content.body.text)
      if (story.written === 2 && read.includes('one')) write(3)
    }
    if (isOver()) return true
    const done = read.length >= 3 && mailbox.isEmpty && mailbox.of(Kind.READ).flatMap(({ about }) => about).length >= 3
    if (!done) return false
    const history = await client.history(PEER)
    return history.every((message) => message.direction === 'in' || message.status === 'accepted')
  })
  mailbox.cut()
}

/** The keys are used up if, and only if, what they were used for is there. */
function isConsistent(records: readonly StoredRecord[]): boolean {
  const count = (prefix: string): number => records.filter(({ key }) => key.startsWith(prefix)).length
  if (count('self') === 0) return records.length === 0
  const shown = count('history/') - count('sent/')
  // The first of the peer's messages takes one key of each sort, together with what it says.
  return count('preKey/oneTime/') === ONE_TIME_KEYS - (shown > 0 ? 1 : 0) && (shown === 0 || count('session/') === 1)
}

/** Fails at a write, starts again, and comes to the end. Returns whether there was such a write. */
async function crash(t: ExecutionContext, failAt: number, failure: Failure): Promise<boolean> {
  const story: Story = { ...(await newWorld()), mailbox: new Mailbox(), read: [], written: 0 }
  const inner = lasting(memoryStore())
  const faulty = new FaultyStore(inner, failAt, failure)
  const name = `write ${failAt} failed ${failure} it`
  const first = await setUp({ store: faulty }, story).catch(() => undefined)
  if (first !== undefined) {
    await tell(story, first, () => faulty.failed)
    story.mailbox.cut()
    await first.client.close()
  }
  t.true(isConsistent(await recordsOf(inner)), name)
  const next = await setUp({ store: inner }, story)
  await tell(story, next, () => false)
  const history = await next.client.history(PEER)
  await next.client.close()
  const texts = (direction: string): string[] =>
    history.filter((message) => message.direction === direction).map(contentOf)
  t.deepEqual(texts('in'), ['text 1', 'text 2', 'text 3'], name)
  t.deepEqual(texts('out').toSorted(), ['one', 'three', 'two'], name)
  t.deepEqual(story.read.toSorted(), ['one', 'three', 'two'], name)
  t.deepEqual(story.mailbox.conflicts, [], name)
  t.true(isConsistent(await recordsOf(inner)), name)
  return faulty.failed
}

for (const failure of ['before', 'after'] as const) {
  test(`a crash ${failure} any write loses no message, uses no key twice, and sends the same bytes again`, async (t) => {
    let writes = 1
    while (writes < MAX_WRITES && (await crash(t, writes, failure))) writes += 1
    t.true(writes > 8 && writes < MAX_WRITES, `${writes} writes`)
  })
}
