import test from 'ava'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { Address } from '../../src/shared/ids.ts'
import type { Database } from '../../src/storage/database.ts'
import { Append } from '../../src/storage/journal-op.ts'
import { writeRows } from '../../src/storage/journal-statements.ts'
import { checkMailboxes, MAX_PENDING, readMailboxes } from '../../src/storage/mailbox-rows.ts'
import type { MailboxQuery } from '../../src/storage/mailbox-rows.ts'
import { createTestDatabase, openDatabase } from '../helpers/database.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import { envelopeTo, idOf } from '../helpers/raw-envelope.ts'
import { FileScope } from '../helpers/raw-scope.ts'

const scope = new FileScope()
let databaseUrl: string
let database: Database

test.before(async () => {
  databaseUrl = await createTestDatabase(scope)
  database = await openDatabase(databaseUrl)
  scope.teardown(() => database.close())
})
test.after.always(() => scope.end())

const account = async (): Promise<Address> => (await createAccount(databaseUrl))[0]!.address
const query = (to: Address, more: Partial<MailboxQuery> = {}): MailboxQuery => ({
  to,
  limit: 100,
  bytes: 1_000_000,
  exclude: [],
  first: false,
  ...more,
})

async function store(envelopes: readonly Envelope[]): Promise<void> {
  const told = { appended: () => undefined, notAppended: () => undefined }
  await writeRows(
    database.pool,
    envelopes.map((envelope) => new Append(envelope, 0, false, told, undefined)),
    [],
  )
}

async function fill(to: Address, numbers: readonly number[], payloadBytes = 3): Promise<Envelope[]> {
  const envelopes = numbers.map((number) =>
    envelopeTo(to, { messageId: idOf(number), payload: new Uint8Array(payloadBytes) }),
  )
  await store(envelopes)
  return envelopes
}

async function read(to: Address, more: Partial<MailboxQuery> = {}) {
  const [page] = await readMailboxes(database.pool, [query(to, more)])
  return { ...page!, numbers: page!.rows.map(({ messageId }) => Number(messageId)) }
}

test('an empty mailbox has no rows, and is complete', async (t) => {
  const page = await read(await account(), { first: true })
  t.like(page, { numbers: [], complete: true, pending: 0 })
  t.false('highest' in page)
  t.is(page.holder?.connectionNumber, 0)
})

test('rows come in the order of their message ids, whatever the order of their insertion', async (t) => {
  const to = await account()
  await fill(to, [30, 10, 20])
  await fill(to, [5])
  t.deepEqual((await read(to)).numbers, [5, 10, 20, 30])
})

test('an envelope comes back as it was stored', async (t) => {
  const to = await account()
  const stored = envelopeTo(to, { about: ['a', 'b'], urgent: true, payload: new Uint8Array([0, 255]) })
  await store([stored])
  const [row] = (await read(to)).rows
  // Its time begins when PostgreSQL has it.
  const { expiresAt } = row!
  t.true(expiresAt > stored.expiresAt)
  t.deepEqual({ ...row, payload: [...row!.payload] }, { ...stored, expiresAt, payload: [0, 255] })
})

test('a page ends at its limit, and says whether there is more', async (t) => {
  const to = await account()
  await fill(to, [1, 2, 3, 4])
  t.like(await read(to, { limit: 3 }), { numbers: [1, 2, 3], complete: false })
  t.like(await read(to, { limit: 5 }), { numbers: [1, 2, 3, 4], complete: true })
})

test('what is excluded is left out in the query, so that it takes no place in the page', async (t) => {
  const to = await account()
  await fill(to, [1, 2, 3, 4, 5])
  const page = await read(to, { limit: 3, exclude: [1, 2, 4].map(idOf) })
  t.like(page, { numbers: [3, 5], complete: true })
  const none = await read(to, { exclude: [1, 2, 3, 4, 5, 6].map(idOf) })
  t.like(none, { numbers: [], complete: true })
})

test('a page ends at its bytes, with one row at least', async (t) => {
  const to = await account()
  await fill(to, [1, 2, 3, 4], 1_000)
  t.like(await read(to, { bytes: 1 }), { numbers: [1], complete: false })
  t.like(await read(to, { bytes: 1_001 }), { numbers: [1, 2], complete: false })
  t.like(await read(to, { bytes: 3_001 }), { numbers: [1, 2, 3, 4], complete: true })
})

test('a first query tells the highest id and how many wait', async (t) => {
  const to = await account()
  await fill(to, [1, 2, 3, 90])
  t.like(await read(to, { first: true, limit: 2 }), { numbers: [1, 2], highest: idOf(90), pending: 4 })
  const later = await read(to, { limit: 2 })
  t.is(later.pending, 0)
  t.false('highest' in later)
})

test('a long mailbox is counted so far and no further, and its highest id is still the last', async (t) => {
  const to = await account()
  await fill(
    to,
    Array.from({ length: MAX_PENDING + 50 }, (_, i) => i + 1),
  )
  t.like(await read(to, { first: true, limit: 2 }), { highest: idOf(MAX_PENDING + 50), pending: MAX_PENDING })
})

test('many mailboxes are read by one statement, each by its own query', async (t) => {
  const [alice, bob, empty] = [await account(), await account(), await account()]
  const [phone, laptop] = await createAccount(databaseUrl, { devices: 2 })
  await fill(alice, [1, 2, 3])
  await fill(bob, [2, 4])
  await fill(phone!.address, [7])
  await fill(laptop!.address, [8])
  const pages = await readMailboxes(database.pool, [
    query(bob, { exclude: [idOf(2)] }),
    query(empty),
    query(alice, { limit: 2, first: true }),
    query(laptop!.address),
    query(alice),
  ])
  const numbers = pages.map(({ rows }) => rows.map(({ messageId }) => Number(messageId)))
  t.deepEqual(numbers, [[4], [], [1, 2], [8], [1, 2, 3]])
  t.deepEqual(
    pages.map(({ complete }) => complete),
    [true, true, false, true, true],
  )
  t.deepEqual(
    pages.map(({ pending }) => pending),
    [0, 0, 3, 0, 0],
  )
  t.true(pages.every((page, i) => page.rows.every(({ to }) => to === [bob, empty, alice, laptop!.address, alice][i])))
})

test('who holds the mailbox is told with its rows, and that nobody does', async (t) => {
  const to = await account()
  await database.pool.query('UPDATE devices SET connection_number = 41 WHERE user_id = $1', [to.user])
  t.is((await read(to)).holder?.connectionNumber, 41)
  await fill(to, [1])
  await database.pool.query('DELETE FROM users WHERE user_id = $1', [to.user])
  t.like(await read(to), { numbers: [1], holder: undefined })
})

test('a check tells of many mailboxes whether rows wait and who holds them', async (t) => {
  const [full, empty, gone] = [await account(), await account(), await account()]
  await fill(full, [1])
  await database.pool.query('UPDATE devices SET connection_number = 7 WHERE user_id = $1', [full.user])
  await database.pool.query('DELETE FROM users WHERE user_id = $1', [gone.user])
  const checks = await checkMailboxes(database.pool, [gone, empty, full, { ...full, device: 2 as Address['device'] }])
  t.deepEqual(
    checks.map(({ waiting }) => waiting),
    [false, false, true, false],
  )
  t.deepEqual(
    checks.map(({ holder }) => holder?.connectionNumber),
    [undefined, 0, 7, undefined],
  )
})
