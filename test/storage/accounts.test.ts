import test from 'ava'
import { type Address, formatAddress, type UserId } from '../../src/shared/ids.ts'
import { type AccountHooks, Accounts } from '../../src/storage/accounts.ts'
import type { Database } from '../../src/storage/database.ts'
import { findDevices } from '../../src/storage/devices.ts'
import { type Asking, Registrations } from '../../src/storage/registrations.ts'
import { Rendezvous } from '../../src/storage/rendezvous.ts'
import { Shards } from '../../src/storage/shards.ts'
import { sweepExpired } from '../../src/storage/sweep.ts'
import { createTestDatabase, openDatabase, openTestDatabase, turnDatabaseClock } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'
import { fillKeys, fillMailbox } from '../helpers/slots.ts'

const USER = 15550000001 as UserId
const DEVICE = { name: 'Phone', platform: 'Linux', hosted: false }
const OPTIONS = { codeLifetimeMs: 600_000, codeTries: 5, pinIdleMs: 604_800_000, masterKey: undefined }

/** A database whose clock the test turns on. */
async function openTurnable(t: Teardown) {
  const url = await createTestDatabase(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  let aheadMs = 0
  return { database, turn: (ms: number) => turnDatabaseClock(url, (aheadMs += ms)) }
}

/** Writes down what the rest of the node is told, and how many devices the user has then. */
function createHooks(database: Database) {
  const told: string[] = []
  const hooks: AccountHooks = {
    onDevicesChanged: (user) => void told.push(`devices of ${user} changed`),
    onDeviceRemoved: (address, reason) => void told.push(`${formatAddress(address)} removed: ${reason}`),
    onPrivacyChanged: (user) => void told.push(`privacy of ${user} changed`),
    async returnMailbox(address: Address) {
      const devices = await findDevices(database, address.user)
      told.push(`mailbox of ${formatAddress(address)} returned, devices: ${devices?.length ?? 'none'}`)
    },
  }
  return { told, hooks }
}

test('registering again removes the old device and empties its mailbox before the new one comes', async (t) => {
  const database = await openTestDatabase(t)
  const { told, hooks } = createHooks(database)
  const accounts = new Accounts(new Shards([database]), hooks)
  const first = await accounts.registerPrimary(USER, DEVICE)
  t.false(first.again)
  t.deepEqual(told.splice(0), [`mailbox of ${USER}.1 returned, devices: none`, `devices of ${USER} changed`])

  const second = await accounts.registerPrimary(USER, DEVICE)
  t.true(second.again)
  t.not(second.token, first.token)
  t.deepEqual(told.splice(0), [
    `devices of ${USER} changed`,
    `${USER}.1 removed: registered again`,
    `mailbox of ${USER}.1 returned, devices: 0`,
    `devices of ${USER} changed`,
  ])
  const registrations = await database.pool.query<{ registration: string }>('SELECT registration FROM devices')
  t.is(registrations.rowCount, 1)

  await accounts.delete(USER)
  t.deepEqual(told, [
    `devices of ${USER} changed`,
    `${USER}.1 removed: account deleted`,
    `mailbox of ${USER}.1 returned, devices: none`,
  ])
})

test('a mailbox that cannot be emptied lets no new device come, and the same code serves again', async (t) => {
  const database = await openTestDatabase(t)
  const { hooks } = createHooks(database)
  const shards = new Shards([database])
  const registrations = new Registrations(shards, OPTIONS)
  const failing = { ...hooks, returnMailbox: () => Promise.reject(new Error('away')) }
  const accounts = new Accounts(shards, hooks)
  await accounts.registerPrimary(USER, DEVICE)
  const asking = await askingFor(registrations, '123456')
  t.is(await registrations.claim(USER, asking), 'claimed')
  t.is(await registrations.claim(USER, asking), 'busy')
  await t.throwsAsync(new Accounts(shards, failing).registerPrimary(USER, DEVICE), { message: 'away' })
  t.deepEqual(await findDevices(database, USER), [])
  await registrations.unclaim(USER)
  t.is(await registrations.claim(USER, asking), 'claimed')
  await accounts.registerPrimary(USER, DEVICE)
  t.is((await findDevices(database, USER))?.length, 1)
  t.is(await registrations.claim(USER, asking), 'gone')
  t.is((await registrations.tryCode(USER, '123456', undefined)).outcome, 'wrong')
})

test('a request that died while it registered a device blocks the number for half a minute', async (t) => {
  const { database, turn } = await openTurnable(t)
  const registrations = new Registrations(new Shards([database]), OPTIONS)
  const asking = await askingFor(registrations, '123456')
  t.is(await registrations.claim(USER, asking), 'claimed')
  await turn(29_000)
  t.is(await registrations.claim(USER, asking), 'busy')
  await turn(2_000)
  t.is(await registrations.claim(USER, asking), 'claimed')
})

test('codes are random and have six digits; what is stored of one depends on the key', async (t) => {
  const database = await openTestDatabase(t)
  const shards = new Shards([database])
  const registrations = new Registrations(shards, OPTIONS)
  const codes = new Set(Array.from({ length: 1_000 }, () => registrations.createCode()))
  for (const code of codes) t.regex(code, /^\d{6}$/)
  t.true(codes.size > 950)
  await registrations.store(USER, '123456')
  const keyed = new Registrations(shards, { ...OPTIONS, masterKey: Buffer.alloc(32, 1) })
  t.is((await keyed.tryCode(USER, '123456', undefined)).outcome, 'wrong')
  t.is((await registrations.tryCode(USER, '123456', undefined)).outcome, 'right')
})

test('linkings and counts whose time is over are swept, and nothing else', async (t) => {
  const { database, turn } = await openTurnable(t)
  const shards = new Shards([database])
  await fillMailbox(database, USER, 0)
  await fillKeys(database, USER)
  const later = new Date(Date.now() + 60_000)
  await database.pool.query('UPDATE link_reservations SET expires_at = $1', [later])
  await database.pool.query('UPDATE pre_key_takers SET counted_at = $1', [Date.now()])
  await new Rendezvous(shards, 60_000).open()
  const counts = async () => {
    const tables = ['link_reservations', 'pre_key_takers', 'link_messages', 'signed_pre_keys', 'backups']
    const answers = await Promise.all(tables.map((table) => database.pool.query(`SELECT FROM ${table}`)))
    return answers.map(({ rowCount }) => rowCount)
  }
  await sweepExpired(shards)
  t.deepEqual(await counts(), [1, 1, 1, 1, 1])
  await turn(61_000)
  await sweepExpired(shards)
  t.deepEqual(await counts(), [0, 1, 0, 1, 1])
  await turn(24 * 60 * 60_000)
  await sweepExpired(shards)
  t.deepEqual(await counts(), [0, 0, 0, 1, 1])
})

test('what has expired is swept, and nothing else', async (t) => {
  const { database, turn } = await openTurnable(t)
  const shards = new Shards([database])
  const registrations = new Registrations(shards, OPTIONS)
  await registrations.store(USER, '123456')
  await turn(300_000)
  await registrations.store((USER + 1) as UserId, '123456')
  await sweepExpired(shards)
  t.is((await database.pool.query('SELECT FROM registrations')).rowCount, 2)
  await turn(300_001)
  await sweepExpired(shards)
  const left = await database.pool.query<{ user_id: string }>('SELECT user_id FROM registrations')
  t.deepEqual(
    left.rows.map(({ user_id }) => Number(user_id)),
    [USER + 1],
  )
})

/** The asking of somebody who was sent this code and gives it. */
async function askingFor(registrations: Registrations, code: string): Promise<Asking> {
  const { session } = await registrations.store(USER, code)
  const answer = await registrations.tryCode(USER, code, session)
  if (answer.outcome !== 'right') throw new Error(`The code was ${answer.outcome}`)
  return answer.asking
}
