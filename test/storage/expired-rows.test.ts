import test from 'ava'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { Database } from '../../src/storage/database.ts'
import { FIRST_ROW, findExpired, surveyExpired } from '../../src/storage/expired-rows.ts'
import type { RowKey } from '../../src/storage/expired-rows.ts'
import { Append } from '../../src/storage/journal-op.ts'
import { writeRows } from '../../src/storage/journal-statements.ts'
import { createTestDatabase, openDatabase, stopDatabaseClock } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'
import { addressOf, envelopeTo, idOf } from '../helpers/raw-envelope.ts'

const NOW = 1_800_000_000_000
const [LOW, HIGH] = [addressOf(10), addressOf(999_999_999_999_999, 8)]

/** A database whose clock stands still: what is stored has the time that it is given from then on. */
async function openStopped(t: Teardown): Promise<Database> {
  const url = await createTestDatabase(t)
  await stopDatabaseClock(url, NOW)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  return database
}

async function store(database: Database, envelopes: readonly Envelope[]): Promise<void> {
  const told = { appended: () => undefined, notAppended: () => undefined }
  await writeRows(
    database.pool,
    envelopes.map((envelope) => new Append(envelope, 0, false, told, undefined)),
    [],
  )
}

/** Goes through the whole table in pages of `limit`. */
async function sweep(database: Database, limit: number): Promise<{ ids: bigint[]; pages: number }> {
  const ids: bigint[] = []
  let pages = 0
  for (let at: RowKey | undefined = FIRST_ROW; at !== undefined && pages < 100; pages++) {
    const { expired, next }: Awaited<ReturnType<typeof findExpired>> = await findExpired(database.pool, at, limit)
    ids.push(...expired.map(({ messageId }) => messageId))
    at = next
  }
  return { ids, pages }
}

test('an empty table has nothing that has expired', async (t) => {
  const database = await openStopped(t)
  t.deepEqual(await findExpired(database.pool, FIRST_ROW, 10), { expired: [], next: undefined })
})

test('what has expired by now is found, with the mailbox it is in, and what has not is left', async (t) => {
  const database = await openStopped(t)
  const stored = [
    envelopeTo(LOW, { messageId: idOf(1), sentAt: NOW, expiresAt: NOW - 1 }),
    envelopeTo(LOW, { messageId: idOf(2), sentAt: NOW, expiresAt: NOW + 1 }),
    envelopeTo(HIGH, { messageId: idOf(2n ** 63n - 1n), sentAt: NOW, expiresAt: NOW }),
  ]
  await store(database, stored)
  const { expired, next } = await findExpired(database.pool, FIRST_ROW, 10)
  t.deepEqual(
    expired.map(({ to, messageId, id }) => [to, messageId, id]),
    [
      [LOW, idOf(1), stored[0]!.id],
      [HIGH, idOf(2n ** 63n - 1n), stored[2]!.id],
    ],
  )
  t.deepEqual(next, { to: HIGH, messageId: idOf(2n ** 63n - 1n) })
  t.is((await findExpired(database.pool, next!, 10)).next, undefined)
})

test('pages of any size go through every row once, also where nothing of a page has expired', async (t) => {
  const database = await openStopped(t)
  const envelopes = Array.from({ length: 60 }, (_, i) =>
    envelopeTo(addressOf(10 + (i % 4), 1 + (i % 3)), {
      messageId: idOf(i + 1),
      sentAt: NOW,
      expiresAt: i >= 20 && i % 5 === 0 ? NOW - 1 : NOW + 1_000,
    }),
  )
  await store(database, envelopes)
  const wanted = envelopes.filter(({ expiresAt }) => expiresAt <= NOW).map(({ messageId }) => messageId)
  for (const limit of [1, 7, 60, 1_000]) {
    const { ids, pages } = await sweep(database, limit)
    t.deepEqual(
      ids.sort((a, b) => Number(a - b)),
      wanted,
    )
    t.is(pages, Math.ceil(60 / limit) + 1)
  }
})

test('a survey counts what there is and what of it has expired, by the clock of the database', async (t) => {
  const database = await openStopped(t)
  t.deepEqual(await surveyExpired(database.pool), { rows: 0, expired: 0 })
  const one = (i: number) =>
    envelopeTo(addressOf(10 + (i % 4)), { messageId: idOf(i), sentAt: NOW, expiresAt: NOW + (i % 3 === 0 ? 0 : 1) })
  await store(
    database,
    Array.from({ length: 30 }, (_, i) => one(i + 1)),
  )
  t.deepEqual(await surveyExpired(database.pool), { rows: 30, expired: 10 })
})

test('the time of an envelope begins when PostgreSQL has it, however early or late its stamp was', async (t) => {
  const database = await openStopped(t)
  const day = 24 * 3_600_000
  for (const [i, sentAt] of [NOW - 31 * day, NOW, NOW + 31 * day].entries()) {
    await store(database, [envelopeTo(LOW, { messageId: idOf(i + 1), sentAt, expiresAt: sentAt + 30 * day })])
  }
  const { rows } = await database.pool.query<{ at: string }>('SELECT expires_at AS at FROM envelopes')
  t.deepEqual(
    rows.map(({ at }) => Number(at)),
    [NOW + 30 * day, NOW + 30 * day, NOW + 30 * day],
  )
})
