import test from 'ava'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'
import type { Store } from '../../../client/store.ts'
import { addressOf } from '../../../src/api/hosted/data-keys.ts'
import { KeyRotation } from '../../../src/api/hosted/key-rotation.ts'
import { MasterKeys } from '../../../src/api/hosted/master-keys.ts'
import { RefusalError } from '../../../src/shared/refusal.ts'
import type { HostedRecords } from '../../../src/storage/hosted-records.ts'
import { countKeyBoxes } from '../../../src/storage/key-boxes.ts'
import { createTestDatabase } from '../../helpers/database.ts'
import type { Teardown } from '../../helpers/database.ts'
import { addDevice, masterKey, openHostedNode } from '../../helpers/hosted.ts'
import type { HostedNode } from '../../helpers/hosted.ts'

const USER = 15_550_000_001
const [OLD, NEW] = [masterKey('old'), masterKey('new')]
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value)
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

function rotationOf(records: HostedRecords, masterKeys: readonly Uint8Array[], pageRows = 10): KeyRotation {
  const options = { dataKeyCacheMs: 60_000, dataKeyCacheItems: 10 }
  return new KeyRotation({ records, masterKeys: new MasterKeys(masterKeys), options, pageRows })
}

/** A node with the older key, one with both, and a device with some records. */
async function openOldAndNew(
  t: Teardown,
  count: number,
): Promise<{
  old: HostedNode
  both: HostedNode
  stores: [Store, Store]
  device: Awaited<ReturnType<typeof addDevice>>
}> {
  const url = await createTestDatabase(t)
  const old = await openHostedNode(t, url, { masterKeys: [OLD, NEW] })
  const both = await openHostedNode(t, url, { masterKeys: [NEW, OLD] })
  const device = await addDevice(old.database, USER)
  const store = await old.stores.create(device)
  await store.transaction(async (transaction) => {
    for (let i = 0; i < count; i++) transaction.put(`a/${i}`, bytes(`value ${i}`))
  })
  return { old, both, stores: [store, await both.stores.open(addressOf(device))], device }
}

async function boxesUnder({ database }: HostedNode, key: Uint8Array): Promise<number> {
  const counts = await countKeyBoxes(database.pool)
  return counts.find(({ masterKeyId: id }) => Buffer.from(id).equals(masterKeyId(key)))?.boxes ?? 0
}

async function readAll(store: Store): Promise<string[]> {
  const found = await store.transaction((transaction) => transaction.scan({ prefix: 'a/', limit: 10_000 }))
  return found.map(({ key, value }) => `${key}=${text(value)}`)
}

test('after a rotation all is there, opens without the older master key, and nothing is left under it', async (t) => {
  const { old, both, stores, device } = await openOldAndNew(t, 35)
  const before = await readAll(stores[0])
  t.is(before.length, 35)
  t.deepEqual(await rotationOf(both.records, [NEW, OLD]).rotate(addressOf(device)), { records: 35, damaged: 0 })
  t.deepEqual(await readAll(stores[0]), before)
  t.is(await boxesUnder(old, OLD), 0)
  t.is(await boxesUnder(old, NEW), 1)
  t.is(await rotationOf(both.records, [NEW, OLD]).rotate(addressOf(device)), undefined)
  const { rows } = await both.database.pool.query('SELECT DISTINCT substring(value FROM 3 FOR 4) FROM hosted_records')
  t.is(rows.length, 1)

  const without = await openHostedNode(t, both.url, { masterKeys: [NEW] })
  t.deepEqual(await readAll(await without.stores.open(addressOf(device))), before)
})

test('a rotation under load loses nothing that two nodes write meanwhile', async (t) => {
  const { both, stores, device } = await openOldAndNew(t, 60)
  const load = { over: false, written: 0 }
  const write = async (store: Store, name: string): Promise<void> => {
    for (let i = 0; !load.over || i < 5; i++) {
      await store.transaction(async (transaction) => {
        const count = Number(text(await transaction.get('count')) || '0')
        transaction.put('count', bytes(String(count + 1)))
        transaction.put(`a/${name}${i}`, bytes(name))
        transaction.put(`a/${i % 60}`, bytes(`value ${i % 60}`))
      })
      load.written++
    }
  }
  const writing = Promise.all([write(stores[0], 'x'), write(stores[1], 'y')])
  await rotationOf(both.records, [NEW, OLD], 3).rotate(addressOf(device))
  load.over = true
  await writing
  t.is(text(await stores[0].transaction((transaction) => transaction.get('count'))), String(load.written))
  t.is((await readAll(stores[1])).length, 60 + load.written)
  t.is(await boxesUnder(both, OLD), 0)
  const without = await openHostedNode(t, both.url, { masterKeys: [NEW] })
  t.is((await readAll(await without.stores.open(addressOf(device)))).length, 60 + load.written)
})

test('a rotation that broke off goes on where it was, with one new key', async (t) => {
  const { both, stores, device } = await openOldAndNew(t, 30)
  const before = await readAll(stores[0])
  // Its second page finds no connection any more.
  const cut = await openHostedNode(t, both.url, { masterKeys: [NEW, OLD] })
  let runs = 0
  const failing = Object.create(cut.records, {
    run: {
      value: (...args: Parameters<HostedRecords['run']>) =>
        ++runs > 2 ? Promise.reject(new TypeError('cut')) : cut.records.run(...args),
    },
  }) as HostedRecords
  await t.throwsAsync(rotationOf(failing, [NEW, OLD]).rotate(addressOf(device)), { instanceOf: TypeError })
  t.is(await boxesUnder(both, OLD), 1)
  t.is(await boxesUnder(both, NEW), 1)
  t.deepEqual(await readAll(stores[0]), before)
  t.deepEqual(await rotationOf(both.records, [NEW, OLD]).rotate(addressOf(device)), { records: 20, damaged: 0 })
  t.is(await boxesUnder(both, OLD), 0)
  t.is(await boxesUnder(both, NEW), 1)
  t.deepEqual(await readAll(stores[0]), before)
})

test('a damaged record is counted, holds up nothing, and does not open later either', async (t) => {
  const { both, stores, device } = await openOldAndNew(t, 12)
  await both.database.pool.query(
    `UPDATE hosted_records SET value = set_byte(value, 40, 255 - get_byte(value, 40)) WHERE key = 'a/3'`,
  )
  t.deepEqual(await rotationOf(both.records, [NEW, OLD]).rotate(addressOf(device)), { records: 11, damaged: 1 })
  t.is((await readAll(stores[0])).filter((line) => !line.endsWith('=')).length, 11)
  t.is((await stores[0].transaction((transaction) => transaction.get('a/3')))?.length, 0)
})

test('a store under a key that is missing is left as it is', async (t) => {
  const { old, stores, device } = await openOldAndNew(t, 3)
  const third = masterKey('third')
  await t.throwsAsync(rotationOf(old.records, [third]).rotate(addressOf(device)), {
    instanceOf: RefusalError,
    code: 'HOSTED_LOCKED',
  })
  t.is(await boxesUnder(old, third), 0)
  t.is((await readAll(stores[0])).length, 3)
})

test('a device that is gone is nothing to rotate', async (t) => {
  const { both, device } = await openOldAndNew(t, 3)
  await both.database.pool.query('DELETE FROM devices')
  t.is(await rotationOf(both.records, [NEW, OLD]).rotate(addressOf(device)), undefined)
})
