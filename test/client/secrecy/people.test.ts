import test from 'ava'
import { Client as Postgres } from 'pg'

import { encodeBase64 } from '../../../proto/base64.ts'
import { hex } from '../../../client/crypto/bytes.ts'
import { decodeSessionRecord, findCurrent } from '../../../client/crypto/sessions/session-record.ts'
import { keys } from '../../../client/records.ts'
import { HttpKeyServer } from '../../../client/secrecy/http-key-server.ts'
import { register as askForCode } from '../../../client/register.ts'
import { restore } from '../../../client/restore.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import { readSelf } from '../../../client/secrecy/self.ts'
import { newClientId } from '../../../client/client-id.ts'
import { DeviceState } from '../../../client/device-state.ts'
import type { Store } from '../../../client/store.ts'
import { newPhone, register } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { enrol, exchange, newPerson, online, openPerson, texts } from '../helpers/person.ts'
import type { Person } from '../helpers/person.ts'
import { lasting } from '../helpers/stores.ts'

const PASSPHRASE = 'six quiet geese'
const server = shareServer(test)

/** The session that a device sends on to the first device of a user. */
async function sessionOf({ store }: Person, { user }: Person): Promise<string> {
  const record = await store.transaction((transaction) => transaction.get(keys.session(user, 1)))
  const current = record && findCurrent(decodeSessionRecord(record))
  return current === undefined ? 'none' : hex(current.id)
}

async function tokenOf(store: Store): Promise<string> {
  return (await store.transaction(DeviceState.read)).record.token
}

test('two people who write to each other at once for the first time read all, and go on on one session', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await Promise.all([online(amina), online(bruno)])
  for (let i = 0; i < 10; i++) {
    amina.client.sendText(bruno.user, `to Bruno ${i}`)
    bruno.client.sendText(amina.user, `to Amina ${i}`)
  }
  await waitUntil('all is read', () => amina.shown.length === 10 && bruno.shown.length === 10)
  t.deepEqual(
    texts(bruno.shown),
    Array.from({ length: 10 }, (_, i) => `to Bruno ${i}`),
  )
  await exchange(amina, bruno)
  await waitUntil(
    'both send on one session',
    async () => (await sessionOf(amina, bruno)) === (await sessionOf(bruno, amina)),
  )
  t.not(await sessionOf(amina, bruno), 'none')
  t.deepEqual([...amina.errors, ...bruno.errors, ...amina.changed, ...bruno.changed], [])
})

test('fifty messages each way at once arrive once, in order', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await Promise.all([online(amina), online(bruno)])
  const numbers = Array.from({ length: 50 }, (_, i) => `number ${i}`)
  for (const number of numbers) {
    amina.client.sendText(bruno.user, number)
    bruno.client.sendText(amina.user, number)
  }
  await waitUntil('all is read', () => amina.shown.length >= 50 && bruno.shown.length >= 50)
  t.deepEqual([texts(amina.shown), texts(bruno.shown)], [numbers, numbers])
})

test('a phone that is registered again under its account key gets the next message, under the same id, on a fresh session', async (t) => {
  const amina = await newPerson(t, server(), { identityChanges: 'ask' })
  const phone = newPhone()
  const account = await enrol(server(), { phone })
  const before = await openPerson(t, account, { url: server().url })
  await exchange(amina, before)
  const old = await sessionOf(amina, before)
  await before.client.close()
  await enrol(server(), { phone, store: account.store })
  const bruno = await openPerson(t, account, { url: server().url })
  await online(bruno)
  const message = amina.client.sendText(bruno.user, 'Are you there?')
  await amina.client.whenAccepted(message)
  await waitUntil('Bruno reads it', () => bruno.shown.length === 1)
  t.like(bruno.shown[0], { id: message.id, body: { text: 'Are you there?' } })
  t.not(await sessionOf(amina, bruno), old)
  t.deepEqual(amina.identities, [])
  await exchange(bruno, amina)
})

test('a phone that begins again under another account key: who asks sends nothing before accepting, who accepts goes on', async (t) => {
  const asking = await newPerson(t, server(), { identityChanges: 'ask' })
  const accepting = await newPerson(t, server())
  const phone = newPhone()
  const before = await openPerson(t, await enrol(server(), { phone }), { url: server().url })
  await exchange(asking, before)
  await exchange(accepting, before)
  await asking.client.trust.setVerified(before.user, true)
  await before.client.close()
  const bruno = await openPerson(t, await enrol(server(), { phone }), { url: server().url })
  await online(bruno)
  const held = asking.client.sendText(bruno.user, 'Is it you?')
  const sent = accepting.client.sendText(bruno.user, 'Welcome back')
  await accepting.client.whenAccepted(sent)
  await waitUntil('the change is told', () => asking.identities.length > 0 && accepting.identities.length > 0)
  const told = { user: bruno.user, change: 'changed' as const }
  t.deepEqual([asking.identities[0], accepting.identities[0]], [told, told])
  await waitUntil('Bruno reads one', () => bruno.shown.length === 1)
  t.deepEqual(texts(bruno.shown), ['Welcome back'])
  t.like(await asking.client.trust.of(bruno.user), { changed: true, verified: false })
  // What Bruno writes is read meanwhile.
  bruno.client.sendText(asking.user, 'It is me')
  await waitUntil('it is read', () => texts(asking.shown).includes('It is me'))
  t.is((await asking.client.history(bruno.user)).find(({ id }) => id === held.id)?.body.type, 'text')
  t.is(bruno.shown.length, 1)
  await asking.client.trust.accept(bruno.user)
  await asking.client.whenAccepted(held)
  await waitUntil('Bruno reads the other', () => bruno.shown.length === 2)
  t.like(await asking.client.trust.of(bruno.user), { changed: false, verified: false })
})

test('after a server has lost its data, people who register again with what their devices have write to each other at once', async (t) => {
  const phones = [newPhone(), newPhone()]
  const accounts = await Promise.all(phones.map((phone) => enrol(server(), { phone })))
  const open = (): Promise<Person[]> =>
    Promise.all(accounts.map((account) => openPerson(t, account, { url: server().url })))
  const [amina, bruno] = (await open()) as [Person, Person]
  await exchange(amina, bruno)
  for (const { client } of [amina, bruno]) client.disconnect()
  // What was written before goes with what is written after.
  amina.client.sendText(bruno.user, 'from before')
  await amina.client.history(bruno.user)
  await Promise.all([amina.client.close(), bruno.client.close()])
  await forget(server().databaseUrl, [amina.user, bruno.user])
  for (const [i, phone] of phones.entries()) await enrol(server(), { phone, store: accounts[i]?.store as Store })
  const [first, second] = (await open()) as [Person, Person]
  const numbers = Array.from({ length: 7 }, (_, i) => `number ${i}`)
  for (const number of numbers) {
    first.client.sendText(second.user, number)
    second.client.sendText(first.user, number)
  }
  await waitUntil('all is read', () => first.shown.length >= 7 && second.shown.length >= 8)
  t.deepEqual([texts(first.shown), texts(second.shown)], [numbers, ['from before', ...numbers]])
  const told = (user: number): object => ({ user, change: 'changed' })
  t.deepEqual([first.identities, second.identities], [[told(second.user)], [told(first.user)]])
})

test('a device that has lost its session shows that something is missing, asks for it, and shows it', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await exchange(amina, bruno)
  await bruno.store.transaction(async (transaction) => transaction.delete(keys.session(amina.user, 1)))
  const message = amina.client.sendText(bruno.user, 'Can you read this?')
  await waitUntil('it is shown in its place', () => bruno.changed.length === 1)
  t.deepEqual(texts(bruno.shown), ['ping', 'undecrypted'])
  t.like(bruno.changed[0], { id: message.id, body: { type: 'text', text: 'Can you read this?' } })
  t.is(bruno.changed[0]?.order, bruno.shown[1]?.order)
  t.deepEqual(texts(await bruno.client.history(amina.user)), ['ping', 'pong', 'Can you read this?'])
  await exchange(amina, bruno)
  await exchange(bruno, amina)
  t.is(await sessionOf(amina, bruno), await sessionOf(bruno, amina))
})

test('a damaged record of a session heals in both directions', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await exchange(amina, bruno)
  const spoil = (store: Store, user: number): Promise<void> =>
    store.transaction(async (transaction) => {
      const record = Uint8Array.from((await transaction.get(keys.session(user, 1))) ?? [])
      record.fill(0xff, 20)
      transaction.put(keys.session(user, 1), record)
    })
  await spoil(bruno.store, amina.user)
  amina.client.sendText(bruno.user, 'one')
  bruno.client.sendText(amina.user, 'two')
  await waitUntil('both are read', async () => {
    const own = texts(await bruno.client.history(amina.user))
    return own.includes('one') && texts(amina.shown).includes('two')
  })
  await exchange(amina, bruno)
  t.deepEqual([...amina.errors, ...bruno.errors], [])
})

test('both see the same safety number; what is scanned from the other screen is checked; a changed key ends it', async (t) => {
  const phone = newPhone()
  const amina = await newPerson(t, server())
  const before = await openPerson(t, await enrol(server(), { phone }), { url: server().url })
  const carol = await newPerson(t, server())
  await exchange(amina, before)
  await exchange(amina, carol)
  const [mine, theirs] = [await amina.client.trust.of(before.user), await before.client.trust.of(amina.user)]
  t.regex(mine?.safetyNumber ?? '', /^\d{60}$/)
  t.is(mine?.safetyNumber, theirs?.safetyNumber)
  const other = await amina.client.trust.of(carol.user)
  t.not(mine?.safetyNumber, other?.safetyNumber)
  t.false(
    await amina.client.trust.check(
      before.user,
      (await carol.client.trust.of(amina.user))?.safetyCode ?? new Uint8Array(0),
    ),
  )
  t.like(await amina.client.trust.of(before.user), { verified: false })
  t.true(await amina.client.trust.check(before.user, theirs?.safetyCode ?? new Uint8Array(0)))
  t.like(await amina.client.trust.of(before.user), { verified: true })
  await t.throwsAsync(amina.client.trust.check(before.user, Uint8Array.of(1, 2, 3)), { code: 'UNKNOWN_VERSION' })
  await t.throwsAsync(amina.client.trust.setVerified(15559999999, true), { code: 'UNKNOWN_USER' })
  t.is(await amina.client.trust.of(15559999999), undefined)
  await before.client.close()
  const bruno = await openPerson(t, await enrol(server(), { phone }), { url: server().url })
  const held = amina.client.sendText(bruno.user, 'Hello')
  await waitUntil('the change is told', () => amina.identities.length === 1)
  t.like(await amina.client.trust.of(bruno.user), { verified: false, changed: true })
  await amina.client.trust.accept(bruno.user)
  await amina.client.whenAccepted(held)
  const after = await amina.client.trust.of(bruno.user)
  t.like(after, { verified: false })
  t.not(after?.safetyNumber, mine?.safetyNumber)
  t.true((await amina.client.trust.of(carol.user))?.safetyNumber === other?.safetyNumber)
})

test('an account whose device is hosted is shown as such, and so is what it sends', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  const shop = await register(server(), newPhone(), { hosted: true })
  const user = Number(shop.user)
  await amina.client.whenAccepted(amina.client.sendText(user, 'Are you open?'))
  const known = await amina.client.trust.of(user)
  t.like(known, { hosted: true, verified: false })
  t.deepEqual(
    known?.devices.map(({ device, hosted }) => [device, hosted]),
    [[1, true]],
  )
  const body = { reciever_ID: String(amina.user), type: 'text', text: 'We are' }
  const answer = await fetch(`${server().url}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${shop.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  t.is(answer.status, 201)
  await waitUntil('it is read', () => amina.shown.length === 1)
  t.like(amina.shown[0], { hosted: true, body: { text: 'We are' } })
  await exchange(amina, bruno)
  t.like(await amina.client.trust.of(bruno.user), { hosted: false })
  t.is(amina.shown.at(-1)?.hosted, false)
})

test('a stock of keys that others have drawn on is filled up when the server says so', async (t) => {
  const [amina, bruno] = [await newPerson(t, server(), { random: () => 0 }), await newPerson(t, server())]
  await Promise.all([online(amina), online(bruno)])
  const { url } = server()
  const token = await tokenOf(bruno.store)
  const asBruno = new HttpKeyServer(url, () => token)
  const aminaToken = await tokenOf(amina.store)
  const asAmina = new HttpKeyServer(url, () => aminaToken)
  t.deepEqual(await asAmina.stock(), { oneTimePreKeys: 100, kemPreKeys: 20 })
  const seen = new Set<string>()
  for (let i = 0; i < 82; i++) {
    const [taken] = await asBruno.take(amina.user, [1], newClientId())
    if (taken?.oneTimePreKey !== undefined) seen.add(hex(taken.oneTimePreKey))
  }
  t.is(seen.size, 82)
  await waitUntil('there are enough again', async () => {
    const { oneTimePreKeys, kemPreKeys } = await asAmina.stock()
    return oneTimePreKeys > 90 && kemPreKeys >= 20
  })
  bruno.client.sendText(amina.user, 'Hello')
  await waitUntil('it is read', () => amina.shown.length === 1)
  t.deepEqual(texts(amina.shown), ['Hello'])
})

test('what waited when a backup was made is shown as not sent, and goes out when the person sends it again', async (t) => {
  const phone = newPhone()
  const account = await enrol(server(), { phone })
  const bruno = await newPerson(t, server())
  const before = await openPerson(t, account, { url: server().url })
  await exchange(before, bruno)
  await before.client.close()
  const offline = await openPerson(t, account, { url: 'http://127.0.0.1:9' })
  const { id } = offline.client.sendText(bruno.user, 'It waits')
  await offline.client.backups.enable()
  const backup = { file: await offline.client.backups.export(PASSPHRASE), passphrase: PASSPHRASE }
  await offline.client.close()
  await askForCode(server().url, phone)
  const store = lasting(memoryStore())
  const device = { name: 'New', platform: 'node', store }
  await restore(server().url, phone, server().sms.codeFor(phone), { ...device, backup })
  const amina = await openPerson(t, { user: account.user, store }, { url: server().url })
  const shown = await amina.client.history(bruno.user)
  t.deepEqual(
    shown.map((message) => (message.direction === 'out' ? message.status : 'in')),
    ['delivered', 'in', 'failed'],
  )
  t.like(shown[2], { id, error: 'RESTORED' })
  await amina.client.sendAgain({ chat: bruno.user, id })
  await waitUntil('it has come', () => bruno.shown.length === 2)
  t.deepEqual(texts(bruno.shown), ['ping', 'It waits'])
})

test('new keys of the own account end what was verified, since the digits are others, and keep its protection', async (t) => {
  const [account, phone] = [await enrol(server(), {}), newPhone()]
  const before = await openPerson(t, account, { url: server().url })
  const bruno = await openPerson(t, await enrol(server(), { phone }), { url: server().url })
  await exchange(before, bruno)
  await before.client.trust.setVerified(bruno.user, true)
  const known = await before.client.trust.of(bruno.user)
  await before.client.close()
  await forget(server().databaseUrl, [account.user])
  await enrol(server(), { phone: `+${account.user}`, store: account.store })
  const amina = await openPerson(t, account, { url: server().url })
  const now = await amina.client.trust.of(bruno.user)
  t.not(now?.safetyNumber, known?.safetyNumber)
  t.like(now, { verified: false, comparedBefore: true, changed: false })
  await exchange(amina, bruno)
  await bruno.client.close()
  const again = await openPerson(t, await enrol(server(), { phone }), { url: server().url })
  amina.client.sendText(again.user, 'Is it you?')
  await waitUntil('the change is told', () => amina.identities.length === 1)
  t.like(await amina.client.trust.of(again.user), { verified: false, changed: true })
})

test('the database holds nothing of what is written, and no private key', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await exchange(amina, bruno)
  await bruno.client.close()
  const canary = 'the canary sings at midnight'
  await amina.client.whenAccepted(amina.client.sendText(bruno.user, canary))
  const secrets: Uint8Array[] = [new TextEncoder().encode(canary)]
  for (const { store } of [amina, bruno]) {
    const self = await store.transaction(readSelf)
    for (const pair of [self?.account, self?.signing, self?.agreement])
      secrets.push((pair?.secretKey ?? new Uint8Array(0)).slice(0, 32))
    await store.transaction(async (transaction) => {
      for (const { value } of await transaction.scan({ prefix: 'preKey/oneTime/', limit: 3 }))
        secrets.push(value.slice(value.length - 64, value.length - 32))
    })
  }
  const [publicKey] = [(await amina.store.transaction(readSelf))?.accountKey ?? new Uint8Array(0)]
  const needles = secrets.flatMap((bytes) => [hex(bytes), encodeBase64(bytes)])
  const found = await search(server().databaseUrl, [canary, ...needles, hex(publicKey)])
  t.deepEqual([...found], [hex(publicKey)], 'the public key, as a control')
})

/** As if the server had never heard of the devices of these users. */
async function forget(databaseUrl: string, users: readonly number[]): Promise<void> {
  const postgres = new Postgres(databaseUrl)
  await postgres.connect()
  try {
    for (const table of ['device_lists', 'device_certs'])
      await postgres.query(`DELETE FROM ${table} WHERE user_id = ANY ($1)`, [users])
  } finally {
    await postgres.end()
  }
}

/** Which of these the rows of any table contain. */
async function search(databaseUrl: string, needles: readonly string[]): Promise<Set<string>> {
  const postgres = new Postgres(databaseUrl)
  await postgres.connect()
  const found = new Set<string>()
  try {
    const tables = await postgres.query<{ name: string }>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    )
    for (const { name } of tables.rows) {
      const { rows } = await postgres.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)
      for (const { row } of rows) for (const needle of needles) if (row.includes(needle)) found.add(needle)
    }
  } finally {
    await postgres.end()
  }
  return found
}
