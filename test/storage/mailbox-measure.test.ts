import test from 'ava'
import type { Pool } from 'pg'
import { Kind } from '../../proto/frames.ts'
import type { Address, DeviceId, UserId } from '../../src/shared/ids.ts'
import { measureMailboxes } from '../../src/storage/mailbox-measure.ts'
import { MAX_SHARES } from '../../src/storage/mailbox-room.ts'
import { createTestDatabase, openDatabase } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'
import { createAccount, newUser } from '../helpers/raw-accounts.ts'

const MOST = 10_000

/** Puts so many rows of one kind into a mailbox. */
async function fill(pool: Pool, to: Address, from: UserId, count: number, kind: Kind = Kind.MESSAGE, bytes = 10) {
  await pool.query(
    `INSERT INTO envelopes
       (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload)
     SELECT $1, $2, $3::bigint * 1000000 + i, $3, 1, $4, false, 0, '', '', decode(repeat('00', $6), 'hex')
     FROM generate_series(1, $5::int) i`,
    [to.user, to.device, from, kind, count, bytes],
  )
}

test('the rows of many mailboxes are measured at once: of all, of strangers, of each sender', async (t) => {
  const { pool, databaseUrl } = await openWithUrl(t)
  const [[alice], [bob]] = [await createAccount(databaseUrl), await createAccount(databaseUrl)]
  const [friend, stranger, silent] = [newUser(), newUser(), newUser()]
  await pool.query('INSERT INTO contacts (user_id, contact) VALUES ($1, $2)', [alice!.user, friend])
  await fill(pool, alice!.address, friend, 3, Kind.MESSAGE, 100)
  await fill(pool, alice!.address, stranger, 2, Kind.MESSAGE, 3_000)
  await fill(pool, alice!.address, alice!.address.user, 1)
  await pool.query(`UPDATE envelopes SET kind = ${Kind.READ} WHERE from_user = $1 AND message_id % 10 = 1`, [friend])
  const elsewhere = { user: alice!.address.user, device: 2 as DeviceId }
  const [of, other, empty] = await measureMailboxes(
    pool,
    [
      { to: alice!.address, senders: [silent, friend] },
      { to: bob!.address, senders: [] },
      { to: elsewhere, senders: [stranger] },
    ],
    MOST,
  )
  t.like(of, { envelopes: 5, bytes: 2 * 350 + 2 * 3_250 + 260, receiptBytes: 350 })
  t.deepEqual(of!.strangers, { envelopes: 2, bytes: 6_500, receiptBytes: 0 })
  const byUser = new Map(of!.senders.map((sender) => [sender.user, sender]))
  t.like(byUser.get(friend), { envelopes: 2, bytes: 700, receiptBytes: 350, stranger: false })
  t.like(byUser.get(stranger), { envelopes: 2, bytes: 6_500, stranger: true })
  t.like(byUser.get(alice!.address.user), { envelopes: 1, stranger: false })
  t.like(byUser.get(silent), { envelopes: 0, stranger: true })
  t.deepEqual(other, {
    envelopes: 0,
    bytes: 0,
    receiptBytes: 0,
    strangers: { envelopes: 0, bytes: 0, receiptBytes: 0 },
    senders: [],
  })
  t.deepEqual(
    empty!.senders.map(({ envelopes }) => envelopes),
    [0],
  )
})

test('who has named no contacts has no strangers, and what the server says of messages does not count', async (t) => {
  const { pool, databaseUrl } = await openWithUrl(t)
  const [alice] = await createAccount(databaseUrl)
  await fill(pool, alice!.address, newUser(), 2)
  await fill(pool, alice!.address, newUser(), 4, Kind.DELIVERED)
  await fill(pool, alice!.address, newUser(), 4, Kind.EXPIRED)
  const [measure] = await measureMailboxes(pool, [{ to: alice!.address, senders: [] }], MOST)
  t.is(measure!.envelopes, 2)
  t.is(measure!.strangers.envelopes, 0)
})

test('no more senders are told apart than are remembered, those asked for first, and no more rows are read', async (t) => {
  const { pool, databaseUrl } = await openWithUrl(t)
  const [alice] = await createAccount(databaseUrl)
  for (let i = 0; i < MAX_SHARES + 5; i++) await fill(pool, alice!.address, newUser(), 10)
  const asked = newUser()
  const [measure] = await measureMailboxes(pool, [{ to: alice!.address, senders: [asked] }], MOST)
  t.is(measure!.envelopes, 10 * (MAX_SHARES + 5))
  t.is(measure!.senders.length, MAX_SHARES)
  t.true(measure!.senders.some(({ user }) => user === asked))
  const [few] = await measureMailboxes(pool, [{ to: alice!.address, senders: [] }], 100)
  t.is(few!.envelopes, 100)
})

async function openWithUrl(t: Teardown) {
  const databaseUrl = await createTestDatabase(t)
  const database = await openDatabase(databaseUrl)
  t.teardown(() => database.close())
  return { pool: database.pool, databaseUrl }
}
