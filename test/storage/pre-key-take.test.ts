import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { DeviceId, UserId } from '../../src/shared/ids.ts'
import { Accounts } from '../../src/storage/accounts.ts'
import type { Database } from '../../src/storage/database.ts'
import { PreKeyTake } from '../../src/storage/pre-key-take.ts'
import type { TakeLimits, TakeOutcome } from '../../src/storage/pre-key-take.ts'
import { PreKeys } from '../../src/storage/pre-keys.ts'
import type { OneTimeKey } from '../../src/storage/pre-keys.ts'
import { Shards } from '../../src/storage/shards.ts'
import { createTestDatabase, openDatabase, stopDatabaseClock } from '../helpers/database.ts'
import { withClient } from '../helpers/raw-accounts.ts'

const BOB = 15550000002 as UserId
const DEVICE = 1 as DeviceId
const FREE = { burst: 1e6, perSecond: 1e6 }
const UNLIMITED: TakeLimits = { perTaker: FREE, perTarget: FREE }
const DAY = 24 * 60 * 60 * 1_000

/** Each taker is somebody else. */
const taker = (n: number) => ({ user: (15550001000 + n) as UserId, device: DEVICE })

const pool = (count: number, from = 1): OneTimeKey[] =>
  Array.from({ length: count }, (_, i) => ({ id: from + i, preKey: Buffer.from(`key ${from + i}`) }))

interface Setup {
  readonly database: Database
  readonly preKeys: PreKeys
  /** Turns on the clock of the database, which stands still. */
  turn(ms: number): Promise<void>
  take(n: number, limits?: TakeLimits): Promise<TakeOutcome>
  /** The bundle of Bob's device; fails where nothing was taken. */
  bundle(n: number, limits?: TakeLimits): Promise<Extract<TakeOutcome, { outcome: 'taken' }>>
}

/** Bob has one device with so many one-time keys; what is signed does not matter here. */
async function setUp(
  t: ExecutionContext,
  opks: number,
  pqOpks = opks,
  settings: readonly string[] = [],
): Promise<Setup> {
  const url = await createTestDatabase(t)
  await withClient(url, async (client) => {
    const name = new URL(url).pathname.slice(1)
    for (const setting of settings) await client.query(`ALTER DATABASE ${name} SET ${setting} = off`)
  })
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const shards = new Shards([database])
  let at = Date.now()
  const turn = (ms: number) => stopDatabaseClock(url, (at += ms))
  await turn(0)
  const hooks = {
    onDevicesChanged: () => undefined,
    onDeviceRemoved: () => undefined,
    onPrivacyChanged: () => undefined,
    returnMailbox: () => Promise.resolve(),
  }
  const certHash = Buffer.alloc(32, 1)
  const certified = { device: DEVICE, registrationId: 7, certHash }
  const list = {
    epoch: 1,
    accountKey: Buffer.alloc(32, 2),
    previousHash: Buffer.alloc(32),
    hash: Buffer.alloc(32, 3),
    expiresAt: at + 30 * DAY,
    devices: [certified],
    bytes: Buffer.from('list'),
  }
  const cert = { ...certified, hosted: false, hash: certHash, bytes: Buffer.from('cert') }
  const signed = { signed: Buffer.from('signed'), lastResort: Buffer.from('last resort') }
  const preKeys = { ...signed, oneTime: pool(opks), kemOneTime: pool(pqOpks) }
  await new Accounts(shards, hooks).registerPrimary(
    BOB,
    { name: '', platform: '', hosted: false },
    { list, cert, preKeys },
  )
  const take = (n: number, limits = UNLIMITED) =>
    new PreKeyTake(shards, limits).take({ by: taker(n), of: BOB, devices: undefined })
  return {
    database,
    preKeys: new PreKeys(shards),
    turn,
    take,
    async bundle(n, limits) {
      const taken = await take(n, limits)
      if (taken.outcome !== 'taken') throw new Error(taken.outcome)
      return taken
    },
  }
}

const plans: Record<string, readonly string[]> = {
  'as PostgreSQL plans': [],
  'without hash joins': ['enable_hashjoin'],
  'with nested loops alone': ['enable_hashjoin', 'enable_mergejoin'],
  'without indexes': ['enable_indexscan', 'enable_bitmapscan', 'enable_indexonlyscan'],
  'with merge joins alone': ['enable_hashjoin', 'enable_nestloop'],
}

for (const [plan, settings] of Object.entries(plans)) {
  test(`200 takes at a time give each of 100 keys once, and the rest none: ${plan}`, async (t) => {
    const { bundle, preKeys } = await setUp(t, 100, 100, settings)
    const takes = await Promise.all(Array.from({ length: 200 }, (_, n) => bundle(n)))
    const bundles = takes.map(({ bundles: [one] }) => one!)
    const oneTime = bundles.flatMap((one) => (one.oneTime === undefined ? [] : [Buffer.from(one.oneTime).toString()]))
    const kem = bundles.filter((one) => one.kemOneTime).map((one) => Buffer.from(one.kem).toString())
    t.is(oneTime.length, 100)
    t.is(new Set(oneTime).size, 100)
    t.is(kem.length, 100)
    t.is(new Set(kem).size, 100)
    for (const one of bundles) if (!one.kemOneTime) t.deepEqual(Buffer.from(one.kem).toString(), 'last resort')
    t.deepEqual(await preKeys.count({ user: BOB, device: DEVICE }), { oneTime: 0, kemOneTime: 0 })
    // Two sorts cross two marks each, of which the same take may cross two.
    const told = takes.flatMap(({ low }) => low.map(({ counts }) => counts))
    t.deepEqual(
      told.map(({ oneTime: left }) => left).toSorted((a, b) => b - a),
      [19, 0],
    )
  })
}

test('a device is told once when few are left and once when none are, and again after it gave more', async (t) => {
  const { bundle, preKeys } = await setUp(t, 22, 40)
  const told: number[] = []
  const takeOne = async (n: number) => {
    const { low } = await bundle(n)
    for (const { counts } of low) told.push(counts.oneTime)
  }
  for (let n = 0; n < 24; n++) await takeOne(n)
  // Of the ML-KEM ones 16 are left then.
  t.deepEqual(told, [19, 1, 0])
  await preKeys.put({ user: BOB, device: DEVICE }, { oneTime: pool(21, 100), kemOneTime: pool(40, 100) })
  told.length = 0
  for (let n = 30; n < 33; n++) await takeOne(n)
  t.deepEqual(told, [19])
})

test('keys that came before are passed over, given out or not', async (t) => {
  const { bundle, preKeys } = await setUp(t, 3)
  const address = { user: BOB, device: DEVICE }
  await bundle(1)
  await preKeys.put(address, { oneTime: pool(5), kemOneTime: pool(3) })
  t.deepEqual(await preKeys.count(address), { oneTime: 4, kemOneTime: 2 })
  const keys = new Set<string>()
  for (let n = 2; n < 6; n++) keys.add(Buffer.from((await bundle(n)).bundles[0]!.oneTime!).toString())
  t.deepEqual([...keys].toSorted(), ['key 2', 'key 3', 'key 4', 'key 5'])
})

test('a pool takes 200 keys, and of what would be more nothing', async (t) => {
  const { preKeys } = await setUp(t, 150)
  const address = { user: BOB, device: DEVICE }
  await t.throwsAsync(preKeys.put(address, { oneTime: pool(51, 1_000), kemOneTime: [] }), {
    name: 'PreKeysRefusedError',
  })
  t.deepEqual(await preKeys.count(address), { oneTime: 150, kemOneTime: 150 })
  await preKeys.put(address, { oneTime: pool(50, 1_000), kemOneTime: [] })
  t.deepEqual(await preKeys.count(address), { oneTime: 200, kemOneTime: 150 })
})

test('a pair of devices takes so often, and again later; others are not held up', async (t) => {
  const { take, preKeys, turn } = await setUp(t, 50)
  const limits = { perTaker: { burst: 2, perSecond: 0.01 }, perTarget: FREE }
  const outcomes = []
  for (let i = 0; i < 3; i++) outcomes.push(await take(1, limits))
  t.deepEqual(
    outcomes.map(({ outcome }) => outcome),
    ['taken', 'taken', 'limited'],
  )
  t.deepEqual(outcomes[2], { outcome: 'limited', retryAfterMs: 100_000 })
  t.is((await preKeys.count({ user: BOB, device: DEVICE })).oneTime, 48)
  t.is((await take(2, limits)).outcome, 'taken')
  await turn(99_000)
  t.is((await take(1, limits)).outcome, 'limited')
  await turn(1_001)
  t.is((await take(1, limits)).outcome, 'taken')
})

test('takes of one pair at the same time pass the limit no more than one after the other', async (t) => {
  const { take } = await setUp(t, 50)
  const limits = { perTaker: { burst: 6, perSecond: 0.01 }, perTarget: FREE }
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => take(1, limits)))
  t.is(outcomes.filter(({ outcome }) => outcome === 'taken').length, 6)
})

test('strangers take a day’s worth of one-time keys, then bundles without; those whom the user knows go on', async (t) => {
  const { bundle, turn, database } = await setUp(t, 50)
  const limits = { perTaker: FREE, perTarget: { burst: 3, perSecond: 3 / 86_400 } }
  await database.pool.query('INSERT INTO contacts (user_id, contact) VALUES ($1, $2)', [BOB, taker(99).user])
  const given = async (n: number) => {
    const { bundles } = await bundle(n, limits)
    return [bundles[0]!.oneTime !== undefined, bundles[0]!.kemOneTime]
  }
  for (let n = 0; n < 3; n++) t.deepEqual(await given(n), [true, true])
  t.deepEqual(await given(3), [false, false])
  t.deepEqual(await given(99), [true, true])
  await turn(DAY / 3 + 1_000)
  t.deepEqual(await given(4), [true, true])
  t.deepEqual(await given(5), [false, false])
})

test('of an expired list the primary alone is given; without keys nobody is', async (t) => {
  const { take, database } = await setUp(t, 5)
  await database.pool.query('UPDATE device_lists SET expires_at = $1', [Date.now() - 1_000])
  t.is((await take(1)).outcome, 'taken')
  await database.pool.query('DELETE FROM signed_pre_keys')
  t.is((await take(2)).outcome, 'no keys')
  await database.pool.query('DELETE FROM users')
  t.is((await take(3)).outcome, 'unknown user')
})
