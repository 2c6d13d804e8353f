import test from 'ava'
import { findTokenAddress } from '../../client/token-address.ts'
import { RefusalError } from '../../src/shared/refusal.ts'
import type { Address, DeviceId, UserId } from '../../src/shared/ids.ts'
import type { Database } from '../../src/storage/database.ts'
import { connectDevices, findDevices } from '../../src/storage/devices.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { Shards } from '../../src/storage/shards.ts'
import { TokenLookup, type TokenLookupOptions } from '../../src/storage/token-lookup.ts'
import { issueToken } from '../../src/storage/token-issue.ts'
import { createPlainToken, createToken, hashToken, parseToken } from '../../src/storage/token.ts'
import { createTestDatabase, openDatabase, openTestDatabase } from '../helpers/database.ts'

const OPTIONS = { maxWaitingLookups: 10_000, lookupBatch: 500, tokenCacheMs: 60_000, tokenCacheItems: 1_000 }

const lookupIn = (databases: readonly Database[], options: Partial<TokenLookupOptions> = {}) =>
  new TokenLookup(new Shards(databases), { ...OPTIONS, ...options })

const addressOf = (user: number, device = 1): Address => ({ user: user as UserId, device: device as DeviceId })

async function addDevices({ pool }: Database, addresses: readonly Address[]): Promise<string[]> {
  const tokens = addresses.map(createToken)
  const users = addresses.map(({ user }) => user)
  await pool.query('INSERT INTO users (user_id) SELECT DISTINCT unnest($1::bigint[]) ON CONFLICT DO NOTHING', [users])
  await pool.query(
    `INSERT INTO devices (user_id, device, registration, token_hash)
     SELECT user_id, device, gen_random_uuid(), token_hash
     FROM unnest($1::bigint[], $2::smallint[], $3::bytea[]) AS r (user_id, device, token_hash)`,
    [users, addresses.map(({ device }) => device), tokens.map(hashToken)],
  )
  return tokens
}

async function addDevice(database: Database, address: Address): Promise<string> {
  const [token = ''] = await addDevices(database, [address])
  return token
}

/** Counts the statements that go to the database. */
function countQueries(database: Database): { queries: number } {
  const counted = { queries: 0 }
  const query = database.pool.query.bind(database.pool) as (...args: unknown[]) => unknown
  database.pool.query = ((...args: unknown[]) => {
    counted.queries++
    return query(...args)
  }) as never
  return counted
}

test('a token of either sort says whose it is, to the server and to the client', (t) => {
  for (const create of [createToken, createPlainToken]) {
    for (const address of [addressOf(15550000001, 2), addressOf(999_999_999_999_999, 8), addressOf(1, 1)]) {
      const token = create(address)
      t.deepEqual(parseToken(token), address)
      t.deepEqual<unknown, unknown>(findTokenAddress(token), address)
    }
  }
})

test('a token shows no phone number, and one with any character changed is none or another', (t) => {
  const address = addressOf(15550000001, 2)
  const tokens = Array.from({ length: 50 }, () => createToken(address))
  for (const token of tokens) {
    t.notRegex(token, /15550000001/)
    t.false(Buffer.from(token.slice(1), 'base64url').toString('hex').includes((15550000001).toString(16)))
  }
  t.is(new Set(tokens.map((token) => token.slice(-16))).size, 50, 'the masked address differs each time')
  const [token = ''] = tokens
  for (const wrong of ['', 'p', 'x', token.slice(1), `${token}x`, token.slice(0, -1), `p${token}`, `${token}\n`]) {
    t.is(parseToken(wrong), undefined, wrong)
  }
})

test('where a node of the version before ran, tokens stay as it reads them for a week', async (t) => {
  const fresh = new Shards([await openTestDatabase(t)])
  const address = addressOf(15550000001)
  t.regex(await issueToken(fresh, address), /^p/)

  const url = await createTestDatabase(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  // As that version left it.
  await database.pool.query(`
    DROP TABLE earlier_identities, masked_tokens, buckets, askings;
    DELETE FROM schema_changes WHERE name LIKE '0007-%';
    INSERT INTO node_numbers (number, node, stamps_until) VALUES (1, 'old', 0)`)
  await migrate({ url, poolConnections: 2, connectTimeoutMs: 20_000, queryTimeoutMs: 20_000 })
  const shards = new Shards([database])
  t.regex(await issueToken(shards, address), /^15550000001\.1\./)
  await database.pool.query("UPDATE masked_tokens SET since = since - interval '7 days'")
  t.regex(await issueToken(shards, address), /^p/)
})

test('what is no token that begins with an address passes for none', (t) => {
  const token = createPlainToken(addressOf(15550000001, 2))
  for (const wrong of [
    '',
    'x',
    token.slice(1),
    `${token}x`,
    token.slice(0, -1),
    token.replace('.2.', '.9.'),
    `0${token}`,
    `${token}\n`,
  ]) {
    t.is(parseToken(wrong) !== undefined && wrong !== token.slice(1), false, wrong)
  }
})

test('connections are counted by the server, or by the device', async (t) => {
  const database = await openTestDatabase(t)
  const lookup = lookupIn([database])
  const token = await addDevice(database, addressOf(1))
  const connect = async (number: number) => {
    const answer = await lookup.connect(token, number)
    return answer.outcome === 'unauthenticated' ? answer.outcome : [answer.outcome, answer.number]
  }
  t.deepEqual(await connect(0), ['ok', 1])
  t.deepEqual(await connect(0), ['ok', 2])
  t.deepEqual(await connect(7), ['ok', 7])
  t.deepEqual(await connect(7), ['ok', 7])
  t.deepEqual(await connect(6), ['replaced', 7])
  // A number that leaves none for later ones is not taken, and the device hears what to go on from.
  t.deepEqual(await connect(Number.MAX_SAFE_INTEGER), ['replaced', 7])
  t.deepEqual(await connect(1_000_008), ['replaced', 7])
  t.deepEqual(await connect(8), ['ok', 8])
  t.deepEqual(await connect(1_000_008), ['ok', 1_000_008])
  t.deepEqual(await connect(0), ['ok', 1_000_009])
})

test('a wrong token, one of another device and one of nobody are refused', async (t) => {
  const database = await openTestDatabase(t)
  const lookup = lookupIn([database])
  const token = await addDevice(database, addressOf(1))
  await addDevice(database, addressOf(1, 2))
  for (const wrong of [
    createToken(addressOf(1)),
    createPlainToken(addressOf(1, 2)),
    createToken(addressOf(5)),
    '',
    'x',
  ]) {
    t.deepEqual(await lookup.connect(wrong, 0), { outcome: 'unauthenticated' })
    t.is(await lookup.identify(wrong), undefined)
  }
  t.like(await lookup.connect(token, 0), { outcome: 'ok', number: 1, hosted: false })
})

test('a storm of connections costs few statements, each device its own answer', async (t) => {
  const database = await openTestDatabase(t)
  const users = Array.from({ length: 300 }, (_, index) => index + 1)
  const tokens = await addDevices(
    database,
    users.map((user) => addressOf(user)),
  )
  const counted = countQueries(database)
  const lookup = lookupIn([database])
  const answers = await Promise.all(
    tokens.map((token, index) => lookup.connect(index % 3 === 0 ? `${token.slice(0, -2)}xx` : token, 0)),
  )
  answers.forEach((answer, index) => {
    if (index % 3 === 0) t.is(answer.outcome, 'unauthenticated')
    else t.like(answer, { outcome: 'ok', address: addressOf(index + 1), number: 1 })
  })
  t.is(counted.queries, 1)
})

test('many connections of one device at once get numbers of their own', async (t) => {
  const database = await openTestDatabase(t)
  const token = await addDevice(database, addressOf(1))
  const lookup = lookupIn([database])
  const answers = await Promise.all(Array.from({ length: 20 }, () => lookup.connect(token, 0)))
  const numbers = answers.map((answer) => (answer.outcome === 'ok' ? answer.number : 0))
  t.deepEqual(
    numbers.toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
})

test('beyond the bound a lookup is refused at once, and the others are answered', async (t) => {
  const database = await openTestDatabase(t)
  const tokens = await addDevices(
    database,
    [1, 2, 3, 4].map((user) => addressOf(user)),
  )
  const lookup = lookupIn([database], { maxWaitingLookups: 3 })
  const outcomes = await Promise.allSettled(tokens.map((token) => lookup.connect(token, 0)))
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  )
  const refused = outcomes[3] as PromiseRejectedResult
  t.true(refused.reason instanceof RefusalError)
  t.like(refused.reason, { code: 'OVERLOADED', retryAfterMs: 1_000 })
})

test('the users of several databases are found in theirs', async (t) => {
  const databases = [await openTestDatabase(t), await openTestDatabase(t)]
  const shards = new Shards(databases)
  const lookup = lookupIn(databases)
  for (const user of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const token = await addDevice(shards.of(user as UserId), addressOf(user))
    t.is((await lookup.connect(token, 0)).outcome, 'ok')
    t.like(await lookup.identify(token), { address: addressOf(user) })
  }
  t.is(new Set([1, 2, 3, 4, 5, 6, 7, 8].map((user) => shards.indexOf(user as UserId))).size, 2)
})

test('a token is looked up once in a while, and again when its user was forgotten', async (t) => {
  const database = await openTestDatabase(t)
  const token = await addDevice(database, addressOf(1))
  const counted = countQueries(database)
  const lookup = lookupIn([database])
  for (let time = 0; time < 5; time++) t.truthy(await lookup.identify(token))
  t.is(counted.queries, 1)
  t.is(await lookup.identify(`${token.slice(0, -2)}xx`), undefined)
  await database.pool.query('DELETE FROM devices')
  lookup.forget(1 as UserId)
  t.is(await lookup.identify(token), undefined)
})

test('what was looked up before its user was forgotten is not remembered', async (t) => {
  const database = await openTestDatabase(t)
  const token = await addDevice(database, addressOf(1))
  const lookup = lookupIn([database])
  const before = lookup.identify(token)
  lookup.forget(1 as UserId)
  t.truthy(await before)
  await database.pool.query('DELETE FROM devices')
  t.is(await lookup.identify(token), undefined)
})

test('using a token over HTTP keeps its device in use', async (t) => {
  const database = await openTestDatabase(t)
  const token = await addDevice(database, addressOf(1))
  await database.pool.query(`UPDATE devices SET last_used_at = now() - interval '2 hours'`)
  await lookupIn([database]).identify(token)
  const rows = await database.pool.query(`SELECT FROM devices WHERE last_used_at > now() - interval '1 minute'`)
  t.is(rows.rowCount, 1)
})

test('the devices of a user are listed in order; nobody has none', async (t) => {
  const database = await openTestDatabase(t)
  for (const device of [3, 1, 2]) await addDevice(database, addressOf(1, device))
  await database.pool.query('INSERT INTO users (user_id) VALUES (2)')
  const device = (number: number) => ({ device: number, registrationId: 0, hosted: false, activeUntil: Infinity })
  t.deepEqual(await findDevices(database, 1 as UserId), [device(1), device(2), device(3)] as never)
  t.deepEqual(await findDevices(database, 2 as UserId), [])
  t.is(await findDevices(database, 3 as UserId), undefined)
})

test('nodes that count the same devices in any order do not block each other', async (t) => {
  const database = await openTestDatabase(t)
  const users = Array.from({ length: 50 }, (_, index) => addressOf(index + 1))
  const tokens = await addDevices(database, users)
  const requests = users.map((address, index) => ({ address, tokenHash: hashToken(tokens[index] ?? ''), number: 0 }))
  const orders = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? requests : requests.toReversed()))
  const answers = await Promise.all(orders.map((order) => connectDevices(database, order)))
  t.true(answers.flat().every(({ outcome }) => outcome === 'ok'))
})
