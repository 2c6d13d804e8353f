import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { Pool } from 'pg'
import { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { MessageId } from '../../src/shared/ids.ts'
import { Journal } from '../../src/storage/journal.ts'
import type { JournalOptions } from '../../src/storage/journal.ts'
import type { AppendListener, DeleteListener } from '../../src/storage/journal-op.ts'
import { slotOf } from '../../src/storage/shards.ts'
import { changeSlots } from '../../src/storage/slot-guard.ts'
import { findUserTables } from '../../src/storage/slot-tables.ts'
import { TestClock } from '../helpers/clock.ts'
import { createTestDatabase, openDatabase, stopDatabaseClock } from '../helpers/database.ts'
import { addressOf, envelopeTo } from '../helpers/raw-envelope.ts'
import { MailboxLock } from '../helpers/raw-lock.ts'
import { connect } from '../helpers/slots.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const BOB = addressOf(15_550_000_002)
const CAROL = addressOf(15_550_000_003, 2)

class Harness implements AppendListener<Envelope>, DeleteListener<MessageId> {
  readonly appendedIds: MessageId[] = []
  readonly refusedIds: MessageId[] = []
  readonly deletedIds: MessageId[] = []
  readonly flushes: [appends: number, deletes: number][] = []
  readonly failures: Error[] = []
  readonly defects: string[] = []
  readonly clock = new TestClock()
  readonly databaseUrl: string
  readonly pool: Pool
  readonly journal: Journal

  /** Users whose mailboxes are in another database. */
  readonly moved = new Set<number>()
  /** What {@link moved} will be after a look. */
  readonly movedUnseen: number[] = []

  constructor(databaseUrl: string, pool: Pool, options: Partial<JournalOptions>) {
    this.databaseUrl = databaseUrl
    this.pool = pool
    const defaults = {
      bufferBytes: 64 * 1024 * 1024,
      flushRows: 1_000,
      flushBytes: 1_048_576,
      flushIntervalMs: 2,
      receiptDelayMs: 1_000,
    }
    const events = {
      flushed: (appends: number, deletes: number) => void this.flushes.push([appends, deletes]),
      flushFailed: (error: Error) => void this.failures.push(error),
      defect: (message: string) => void this.defects.push(message),
    }
    const place = {
      holds: (user: number) => !this.moved.has(user),
      refresh: () => {
        for (const user of this.movedUnseen.splice(0)) this.moved.add(user)
        return Promise.resolve()
      },
    }
    const all = { ...defaults, deleteDelayMs: 25, giveUpMs: 5_000, ...options }
    this.journal = new Journal(pool, all, this.clock, events, place)
  }

  append(envelope: Envelope) {
    return this.journal.append(envelope, this, envelope)
  }

  delete(envelope: Envelope): void {
    this.journal.delete(envelope.to, envelope.messageId, this, envelope.messageId)
  }

  appended({ messageId }: Envelope): void {
    this.appendedIds.push(messageId)
  }

  notAppended({ messageId }: Envelope): void {
    this.refusedIds.push(messageId)
  }

  deleted(messageId: MessageId): void {
    this.deletedIds.push(messageId)
  }

  async rows(): Promise<string[]> {
    const { rows } = await this.pool.query<{ message_id: string }>(
      'SELECT message_id FROM envelopes ORDER BY message_id',
    )
    return rows.map(({ message_id }) => message_id)
  }
}

async function open(t: ExecutionContext, options: Partial<JournalOptions> = {}): Promise<Harness> {
  const databaseUrl = await createTestDatabase(t)
  const database = await openDatabase(databaseUrl)
  t.teardown(() => database.close())
  const pool = database.createJournalPool(1)
  t.teardown(() => pool.end())
  const harness = new Harness(databaseUrl, pool, options)
  t.teardown(() => harness.journal.close())
  return harness
}

const ids = (envelopes: readonly Envelope[]) => envelopes.map(({ messageId }) => messageId)
const some = (count: number, more: Partial<Envelope> = {}) =>
  Array.from({ length: count }, (_, i) => envelopeTo(i % 2 === 0 ? BOB : CAROL, more))

test('an append is told when its row is there, with every field as it was', async (t) => {
  const harness = await open(t)
  const envelope = envelopeTo(BOB, {
    from: addressOf(999_999_999_999_999, 8),
    kind: Kind.STATUS,
    messageId: (2n ** 63n - 1n) as MessageId,
    id: randomUUID(),
    payload: new Uint8Array(256).map((_, i) => i),
    about: [randomUUID(), randomUUID()],
    urgent: true,
    sentAt: 1_000,
    expiresAt: 61_000,
  })
  await stopDatabaseClock(harness.databaseUrl, 1_800_000_000_000)
  harness.append(envelope)
  await waitUntil('it is told', () => harness.appendedIds.length === 1)
  const { rows } = await harness.pool.query('SELECT * FROM envelopes')
  t.deepEqual(rows, [
    {
      user_id: String(BOB.user),
      device: 1,
      message_id: String(envelope.messageId),
      from_user: '999999999999999',
      from_device: 8,
      kind: Kind.STATUS,
      urgent: true,
      expires_at: '1800000060000',
      client_id: envelope.id,
      about: envelope.about.join(','),
      payload: Buffer.from(envelope.payload),
    },
  ])
})

test('what gathers while a flush is under way is written by the next one, in one statement', async (t) => {
  const harness = await open(t)
  const lock = await MailboxLock.take(t, harness.databaseUrl)
  const [first, ...others] = some(101)
  harness.append(first!)
  await lock.blocks(1)
  for (const envelope of others) harness.append(envelope)
  t.deepEqual(harness.appendedIds, [])
  await lock.release()
  await harness.journal.settled()
  t.deepEqual(harness.flushes.slice(0, 2), [
    [1, 0],
    [100, 0],
  ])
  t.deepEqual(harness.appendedIds, ids([first!, ...others]))
})

test('a flush writes no more rows than it may', async (t) => {
  const harness = await open(t, { flushRows: 40 })
  const envelopes = some(100)
  for (const envelope of envelopes) harness.append(envelope)
  await waitUntil('all are written', () => harness.flushes.reduce((sum, [appends]) => sum + appends, 0) === 100)
  t.deepEqual(
    harness.flushes.map(([appends]) => appends),
    [40, 40, 20],
  )
  t.deepEqual(await harness.rows(), ids(envelopes).map(String))
})

test('appends and deletes of one flush share a statement', async (t) => {
  const harness = await open(t)
  const [old, fresh] = [envelopeTo(BOB), envelopeTo(BOB)]
  harness.append(old)
  await harness.journal.settled()
  harness.delete(old)
  harness.append(fresh)
  await harness.journal.settled()
  t.deepEqual(harness.flushes.at(-1), [1, 1])
  t.deepEqual(harness.deletedIds, [old.messageId])
  t.deepEqual(await harness.rows(), [String(fresh.messageId)])
})

test('an append that is struck out in time is never written; one that is being written cannot be', async (t) => {
  const harness = await open(t)
  const lock = await MailboxLock.take(t, harness.databaseUrl)
  const [written, struck] = [envelopeTo(BOB), envelopeTo(BOB)]
  const first = harness.append(written)!
  await lock.blocks(1)
  const second = harness.append(struck)!
  t.false(harness.journal.strike(first))
  t.true(harness.journal.strike(second))
  await lock.release()
  await harness.journal.settled()
  t.deepEqual(await harness.rows(), [String(written.messageId)])
  t.deepEqual(harness.appendedIds, [written.messageId])
  t.is(harness.journal.backlog.bytes, 0)
})

test('receipts wait for their time, unless somebody waits for the journal to settle', async (t) => {
  const harness = await open(t, { receiptDelayMs: 3_600_000 })
  const receipt = envelopeTo(BOB, { kind: Kind.READ, payload: new Uint8Array(0) })
  const message = envelopeTo(BOB)
  harness.append(receipt)
  harness.append(message)
  await waitUntil('the message is written', () => harness.appendedIds.length === 1)
  t.deepEqual(await harness.rows(), [String(message.messageId)])
  await harness.journal.settled()
  t.deepEqual(harness.appendedIds, [message.messageId, receipt.messageId])
})

test('settled comes after all that was asked for before, also what is being written', async (t) => {
  const harness = await open(t)
  const lock = await MailboxLock.take(t, harness.databaseUrl)
  const order: string[] = []
  const note = (what: string) => ({ appended: () => order.push(what), notAppended: () => order.push(`no ${what}`) })
  harness.journal.append(envelopeTo(BOB), note('being written'), undefined)
  await lock.blocks(1)
  harness.journal.append(envelopeTo(BOB), note('buffered'), undefined)
  const settled = harness.journal.settled().then(() => order.push('settled'))
  await lock.release()
  await settled
  t.deepEqual(order, ['being written', 'buffered', 'settled'])
  await harness.journal.settled()
})

test('the same envelope again is appended; another one under its key is refused, as a defect', async (t) => {
  const harness = await open(t)
  const envelope = envelopeTo(BOB)
  const impostors = [
    envelopeTo(BOB, { messageId: envelope.messageId }),
    { ...envelope, from: addressOf(15_550_000_008) },
    { ...envelope, from: addressOf(envelope.from.user, 2) },
  ]
  for (const one of [envelope, envelope, { ...envelope }]) harness.append(one)
  await harness.journal.settled()
  t.is(harness.appendedIds.length, 3)
  t.deepEqual(harness.defects, [])
  const innocent = envelopeTo(BOB)
  for (const one of [...impostors, innocent]) harness.append(one)
  await harness.journal.settled()
  t.is(harness.refusedIds.length, 3)
  t.is(harness.defects.length, 3)
  t.is(harness.appendedIds.at(-1), innocent.messageId)
  const { rows } = await harness.pool.query<{ client_id: string }>(
    'SELECT client_id FROM envelopes ORDER BY message_id',
  )
  t.deepEqual(
    rows.map(({ client_id }) => client_id),
    [envelope.id, innocent.id],
  )
})

test('a row that PostgreSQL refuses does not hold up the others', async (t) => {
  const harness = await open(t)
  const envelopes = some(30)
  envelopes[7] = envelopeTo(BOB, { id: 'no \0 text' })
  envelopes[20] = envelopeTo(BOB, { id: 'nor \0 this' })
  const bad = [envelopes[7], envelopes[20]]
  for (const envelope of envelopes) harness.append(envelope)
  await harness.journal.settled()
  t.deepEqual(harness.refusedIds, ids(bad))
  const good = envelopes.filter((envelope) => !bad.includes(envelope))
  t.deepEqual(await harness.rows(), ids(good).map(String))
  t.is(harness.appendedIds.length, good.length)
  t.is(harness.journal.awaySince, undefined)
  t.is(harness.journal.backlog.bytes, 0)
})

/** The slot of CAROL moves away, as far as PostgreSQL is concerned. */
async function moveCarol(t: ExecutionContext, { databaseUrl, pool }: Harness): Promise<void> {
  await pool.query(`INSERT INTO slots (slot, state) SELECT n, 'here' FROM generate_series(0, 1023) n`)
  const client = await connect(t, databaseUrl)
  const change = { slots: [slotOf(CAROL.user)], from: ['here'], to: 'leaving', peer: 'other/db' } as const
  await changeSlots(client, await findUserTables(client), change)
}

test('appends for a mailbox that has moved are refused, with those that wait; its deletes are dropped', async (t) => {
  const harness = await open(t, { flushRows: 4 })
  const old = [envelopeTo(BOB), envelopeTo(CAROL)]
  for (const envelope of old) harness.append(envelope)
  await harness.journal.settled()
  await moveCarol(t, harness)
  harness.movedUnseen.push(CAROL.user)
  const receipt = envelopeTo(CAROL, { kind: Kind.DELIVERED })
  const envelopes = [...some(10), receipt]
  for (const envelope of envelopes) harness.append(envelope)
  for (const envelope of old) harness.delete(envelope)
  await waitUntil('all is told', () => harness.refusedIds.length + harness.appendedIds.length === 13)
  await harness.journal.settled()
  const carols = envelopes.filter(({ to }) => to === CAROL)
  t.deepEqual(harness.refusedIds.toSorted(), ids(carols).toSorted())
  t.deepEqual(harness.deletedIds.toSorted(), ids(old).toSorted())
  const bobs = envelopes.filter(({ to }) => to === BOB)
  t.deepEqual(await harness.rows(), ids([old[1]!, ...bobs]).map(String))
  t.is(harness.append(envelopeTo(CAROL)), undefined, 'from now on it is known')
  t.false(harness.journal.holds(CAROL.user))
  t.deepEqual([harness.failures, harness.defects], [[], []])
  t.is(harness.journal.awaySince, undefined)
  t.is(harness.journal.backlog.bytes, 0)
})

test('a mailbox that is refused though it is not known to have moved does not hold up the others for long', async (t) => {
  const harness = await open(t)
  await moveCarol(t, harness)
  const envelopes = some(6)
  for (const envelope of envelopes) harness.append(envelope)
  await harness.journal.settled()
  t.deepEqual(harness.refusedIds.toSorted(), ids(envelopes.filter(({ to }) => to === CAROL)).toSorted())
  t.deepEqual(harness.appendedIds.toSorted(), ids(envelopes.filter(({ to }) => to === BOB)).toSorted())
  t.deepEqual(harness.defects, [])
})

test('a listener that throws costs nobody else their answer', async (t) => {
  const harness = await open(t)
  const fault = () => {
    throw new Error('a defect')
  }
  harness.journal.append(envelopeTo(BOB), { appended: fault, notAppended: fault }, undefined)
  harness.append(envelopeTo(BOB))
  harness.journal.delete(BOB, 1n as MessageId, { deleted: fault }, undefined)
  harness.delete(envelopeTo(BOB))
  await harness.journal.settled()
  t.is(harness.appendedIds.length, 1)
  t.is(harness.deletedIds.length, 1)
  t.is(harness.defects.length, 2)
})

test('after close nothing is taken', async (t) => {
  const harness = await open(t)
  harness.journal.close()
  t.is(harness.append(envelopeTo(BOB)), undefined)
})

for (const [table, rows] of [
  ['an empty', 0],
  ['a large', 30_000],
] as const) {
  test(`deletes find their rows by the key, one by one, in ${table} table`, async (t) => {
    const harness = await open(t)
    await harness.pool.query(
      `INSERT INTO envelopes SELECT 15550000000 + i % 300, 1, i, 1, 1, 0, false, 0, '', '', ''
       FROM generate_series(1, $1::int) i`,
      [rows],
    )
    await harness.pool.query('ANALYZE envelopes')
    harness.delete(envelopeTo(BOB))
    await harness.journal.settled()
    const { rows: lines } = await harness.pool.query<Record<'QUERY PLAN', string>>(
      `EXPLAIN EXECUTE "journal-delete"('{15550000001}', '{1}', '{2}')`,
    )
    const plan = lines.map((line) => line['QUERY PLAN']).join('\n')
    t.regex(plan, /Nested Loop/)
    t.regex(plan, /Index Scan using envelopes_pkey on envelopes e/)
    t.regex(plan, /Index Cond: .*user_id = .*device = .*message_id = /)
    t.regex(plan, /Tid Scan on envelopes/)
    t.notRegex(plan, /Seq Scan|Hash|Merge|Sort/)
  })
}
