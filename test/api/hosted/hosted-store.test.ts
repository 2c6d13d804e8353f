import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { Store } from '../../../client/store.ts'
import { addressOf, DataKeys } from '../../../src/api/hosted/data-keys.ts'
import type { HostedStore } from '../../../src/api/hosted/hosted-store.ts'
import { MasterKeys } from '../../../src/api/hosted/master-keys.ts'
import { RefusalError } from '../../../src/shared/refusal.ts'
import { HostedDeviceGoneError } from '../../../src/storage/hosted-records.ts'
import { SlotMove } from '../../../src/storage/slot-move.ts'
import { testStore } from '../../client/helpers/store-contract.ts'
import { createTestDatabase } from '../../helpers/database.ts'
import { addDevice, masterKey, openHostedNode } from '../../helpers/hosted.ts'
import type { HostedNode } from '../../helpers/hosted.ts'
import { connect, openEnd, openTestSet, usersOfSlot } from '../../helpers/slots.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

const USER = 15_550_000_001
/** Of the first of two databases. */
const SLOT = 5

testStore(test, {
  name: 'hosted',
  open: async (t) => {
    const node = await openHostedNode(t, await createTestDatabase(t))
    return node.stores.create(await addDevice(node.database, USER))
  },
  runs: 100,
})

const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value)
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Counts one up, with a pause between reading and writing. */
function increment(store: Store, pause: () => Promise<void> = setImmediate): Promise<void> {
  return store.transaction(async (transaction) => {
    const count = Number(text(await transaction.get('count')) || '0')
    await pause()
    transaction.put('count', bytes(String(count + 1)))
  })
}

async function readCount(store: Store): Promise<string> {
  return text(await store.transaction((transaction) => transaction.get('count')))
}

/** Two nodes with the store of one device open. */
async function openTwo(t: ExecutionContext): Promise<{ url: string; nodes: HostedNode[]; stores: HostedStore[] }> {
  const url = await createTestDatabase(t)
  const nodes = [await openHostedNode(t, url), await openHostedNode(t, url)]
  const device = await addDevice(nodes[0]!.database, USER)
  await nodes[0]!.stores.create(device)
  return { url, nodes, stores: await Promise.all(nodes.map(({ stores }) => stores.open(addressOf(device)))) }
}

test('two nodes that race 50 transactions on one device lose none', async (t) => {
  const { stores } = await openTwo(t)
  await Promise.all(Array.from({ length: 50 }, (_, i) => increment(stores[i % 2]!)))
  t.is(await readCount(stores[0]!), '50')
})

test('without the lock of the database two nodes would lose what the other wrote', async (t) => {
  const url = await createTestDatabase(t)
  await withoutLocks(t, url)
  const nodes = [await openHostedNode(t, url), await openHostedNode(t, url)]
  const device = await addDevice(nodes[0]!.database, USER)
  const first = await nodes[0]!.stores.create(device)
  const second = await nodes[1]!.stores.open(addressOf(device))
  // Both have read before either writes: with the lock this would wait for ever.
  let waiting = 0
  const { promise: bothHaveRead, resolve } = Promise.withResolvers<void>()
  const meet = (): Promise<void> => {
    if (++waiting === 2) resolve()
    return bothHaveRead
  }
  await Promise.all([increment(first, meet), increment(second, meet)])
  t.is(await readCount(first), '1')
})

test('two stores of one device in one node take turns, and hold one connection', async (t) => {
  const { nodes, stores } = await openTwo(t)
  const same = await nodes[0]!.stores.open(addressOf(stores[0]!.device))
  // More at a time than the node has connections: each transaction waits for the one before without any.
  await Promise.all(Array.from({ length: 40 }, (_, i) => increment(i % 2 === 0 ? stores[0]! : same)))
  t.is(await readCount(same), '40')
})

test('devices do not wait for each other', async (t) => {
  const node = await openHostedNode(t, await createTestDatabase(t))
  const [one, two] = [
    await node.stores.create(await addDevice(node.database, USER)),
    await node.stores.create(await addDevice(node.database, USER + 1)),
  ]
  await one.transaction(async (transaction) => {
    await transaction.get('count')
    await increment(two)
  })
  t.is(await readCount(two), '1')
})

test('the database holds no plain text and no key of a hosted device', async (t) => {
  const { database, records, stores } = await openHostedNode(t, await createTestDatabase(t))
  const store = await stores.create(await addDevice(database, USER))
  const secret = randomBytes(32)
  await store.transaction(async (transaction) => {
    transaction.put('identity', secret)
    transaction.put('history/1', bytes('the canary sings at dawn'))
  })
  const { newest } = await records.run(addressOf(store.device), async ({ boxes }) =>
    new DataKeys(new MasterKeys([masterKey('first')]), { dataKeyCacheMs: 1, dataKeyCacheItems: 1 }).open(await boxes),
  )
  const dump = await database.pool.query<{ row: string }>(
    `SELECT encode(key, 'hex') || ' ' || encode(value, 'hex') AS row FROM hosted_records
     UNION ALL SELECT encode(master_key_id, 'hex') || ' ' || encode(box, 'hex') FROM hosted_key_boxes`,
  )
  const rows = dump.rows.map(({ row }) => row).join('\n')
  const hexOf = (value: Uint8Array): string => Buffer.from(value).toString('hex')
  t.true(rows.includes(hexOf(bytes('history/1'))), 'the names of records are in the clear')
  for (const hidden of [bytes('canary'), secret, newest.key, masterKey('first')]) t.false(rows.includes(hexOf(hidden)))
})

test('a record that was moved to another key or another device does not open, and damages no other', async (t) => {
  const node = await openHostedNode(t, await createTestDatabase(t))
  const { pool } = node.database
  const [one, two] = [
    await node.stores.create(await addDevice(node.database, USER)),
    await node.stores.create(await addDevice(node.database, USER + 1)),
  ]
  for (const store of [one, two]) {
    await store.transaction(async (transaction) => {
      for (const key of ['a/1', 'a/2', 'a/3']) transaction.put(key, bytes(key))
    })
  }
  const read = (store: Store, key: string): Promise<Uint8Array | undefined> =>
    store.transaction((transaction) => transaction.get(key))
  await pool.query(
    `UPDATE hosted_records SET value = (SELECT value FROM hosted_records r
    WHERE r.user_id = $1 AND r.key = 'a/1') WHERE user_id = $1 AND key = 'a/2'`,
    [USER],
  )
  t.deepEqual(await read(one, 'a/2'), bytes(''))
  await pool.query(
    `UPDATE hosted_records SET value = (SELECT value FROM hosted_records r
    WHERE r.user_id = $1 AND r.key = 'a/1') WHERE user_id = $2 AND key = 'a/1'`,
    [USER, USER + 1],
  )
  t.deepEqual(await read(two, 'a/1'), bytes(''))
  t.is(text(await read(one, 'a/1')), 'a/1')

  const found = await one.transaction((transaction) => transaction.scan({ prefix: 'a/', limit: 9 }))
  t.deepEqual(
    found.map(({ key, value }) => `${key}=${text(value)}`),
    ['a/1=a/1', 'a/2=', 'a/3=a/3'],
  )
  t.deepEqual(node.damaged, [one.device, two.device, one.device])
  await one.transaction(async (transaction) => transaction.put('a/2', bytes('new')))
  t.is(text(await read(one, 'a/2')), 'new')
})

test('damage to any byte of a record is found', async (t) => {
  const node = await openHostedNode(t, await createTestDatabase(t))
  const store = await node.stores.create(await addDevice(node.database, USER))
  await store.transaction(async (transaction) => transaction.put('a', bytes('ten bytes!')))
  const { rows } = await node.database.pool.query<{ value: Buffer }>('SELECT value FROM hosted_records')
  const whole = rows[0]!.value
  t.is(whole.length, 46 + 10)
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at]! ^= 0x20
    await node.database.pool.query('UPDATE hosted_records SET value = $1', [damaged])
    t.deepEqual(await store.transaction((transaction) => transaction.get('a')), bytes(''), `byte ${at}`)
    t.is(node.damaged.length, at + 1)
  }
  await node.database.pool.query('UPDATE hosted_records SET value = $1', [whole])
  t.is(text(await store.transaction((transaction) => transaction.get('a'))), 'ten bytes!')
})

test('without its master key an account is locked, and another one is not', async (t) => {
  const url = await createTestDatabase(t)
  const old = await openHostedNode(t, url, { masterKeys: [masterKey('old')] })
  const locked = await addDevice(old.database, USER)
  await old.stores.create(locked)
  const now = await openHostedNode(t, url, { masterKeys: [masterKey('new')] })
  const open = await now.stores.create(await addDevice(now.database, USER + 1))
  await t.throwsAsync(now.stores.open(addressOf(locked)), { instanceOf: RefusalError, code: 'HOSTED_LOCKED' })
  await increment(open)
  t.is(await readCount(open), '1')
  const both = await openHostedNode(t, url, { masterKeys: [masterKey('new'), masterKey('old')] })
  await t.notThrowsAsync(both.stores.open(addressOf(locked)))
})

test('a store goes with its device, and a device registered anew does not see the older one', async (t) => {
  const { nodes, stores } = await openTwo(t)
  const { pool } = nodes[0]!.database
  await increment(stores[0]!)
  await pool.query('DELETE FROM devices WHERE user_id = $1', [USER])
  t.is((await pool.query('SELECT FROM hosted_key_boxes')).rowCount, 0)
  t.is((await pool.query('SELECT FROM hosted_records')).rowCount, 0)
  await t.throwsAsync(increment(stores[0]!), { instanceOf: HostedDeviceGoneError })
  await t.throwsAsync(nodes[0]!.stores.create(stores[0]!.device), { instanceOf: HostedDeviceGoneError })

  const anew = await nodes[0]!.stores.create(await addDevice(nodes[0]!.database, USER, 8))
  t.is(await readCount(anew), '')
  await t.throwsAsync(increment(stores[1]!), { instanceOf: HostedDeviceGoneError })
  await increment(anew)
  t.is(await readCount(anew), '1')
})

test('a node that stands still in the middle of a transaction loses the device, and what it then writes', async (t) => {
  const { nodes, stores } = await openTwo(t)
  const { pool } = nodes[0]!.database
  const { promise: stalled, resolve: goOn } = Promise.withResolvers<void>()
  const { promise: reading, resolve: hasRead } = Promise.withResolvers<void>()
  const late = stores[0]!.transaction(async (transaction) => {
    await transaction.get('count')
    hasRead()
    await stalled
    transaction.put('count', bytes('stale'))
  })
  await reading
  // What PostgreSQL does by itself after ten seconds.
  await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'idle in transaction'`,
  )
  await increment(stores[1]!)
  goOn()
  await t.throwsAsync(late)
  t.is(await readCount(stores[1]!), '1')
  await increment(stores[0]!)
  t.is(await readCount(stores[0]!), '2')
})

test('a store moves with its slot, and nothing of it is lost meanwhile', async (t) => {
  const set = await openTestSet(t, 2)
  const [user] = usersOfSlot(SLOT, 1) as [never]
  const node = await openHostedNode(t, set.urls[0]!, { shards: set.shards })
  const store = await node.stores.create(await addDevice(set.databases[0]!, user))
  await store.transaction(async (transaction) => {
    for (let i = 0; i < 100; i++) transaction.put(`a/${i}`, bytes(String(i)))
  })
  const load = { over: false, written: 0 }
  const writing = (async () => {
    while (!load.over || load.written === 0) {
      await increment(store).then(
        () => load.written++,
        (error: unknown) => t.true(error instanceof RefusalError, String(error)),
      )
    }
  })()
  const listener = { copied: () => {}, step: () => {} }
  const move = await SlotMove.open(await openEnd(t, set.urls[0]!), await openEnd(t, set.urls[1]!), listener)
  await move.run([SLOT])
  load.over = true
  await writing
  await waitUntil('the node knows where the store is', async () => {
    await set.shards.refresh()
    return set.shards.indexOf(user) === 1
  })
  t.is(await readCount(store), String(load.written))
  t.is((await store.transaction((transaction) => transaction.scan({ prefix: 'a/', limit: 200 }))).length, 100)
})

/** Makes advisory locks of a database do nothing, for connections from now on. */
async function withoutLocks(t: ExecutionContext, url: string): Promise<void> {
  const client = await connect(t, url)
  await client.query(`CREATE FUNCTION pg_advisory_xact_lock(integer, integer) RETURNS void LANGUAGE sql AS ''`)
  const database = new URL(url).pathname.slice(1)
  await client.query(`ALTER DATABASE ${database} SET search_path = public, pg_catalog`)
}
