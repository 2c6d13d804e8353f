import test from 'ava'
import { decodeDeviceList } from '../../../client/crypto/wire/device-list.ts'
import { keys } from '../../../client/records.ts'
import { Kind } from '../../../proto/frames.ts'
import type { Problem } from '../../../src/api/problem.ts'
import { App } from '../../helpers/app.ts'
import { Device, message } from '../../helpers/device.ts'
import { queryDatabase } from '../../helpers/database.ts'
import { HostedAccount } from '../../helpers/hosted-account.ts'
import { call, newPhone, register } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import type { TestServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

const shared = shareServer(test)

test('an app and a hosted device write to each other: ✓, ✓✓ and read come both ways', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  const sent = await amina.say(bank, 'Hello bank')
  const { body } = await bank.read()
  t.like(body.messages[0], { sender_ID: String(amina.user), reciever_ID: String(bank.user), text: 'Hello bank' })
  await waitUntil('✓✓ has come', () => amina.statusOf(sent) === 'delivered')
  t.deepEqual(await bank.texts(), ['Hello bank'], 'it stays until it is acknowledged')
  t.is((await bank.acknowledge(body.cursor, true)).body.acknowledged, 1)
  await waitUntil('Amina knows that it was read', () => amina.statusOf(sent) === 'read')

  const answer = await bank.send(amina, 'Hello Amina')
  t.is(answer.status, 201)
  await waitUntil('Amina sees the answer', () => amina.shown.length === 1)
  t.deepEqual(amina.texts, ['Hello Amina'])
  await amina.client.markRead(amina.shown)
  t.deepEqual(await bank.texts(), [])
  t.deepEqual(amina.errors, [])
})

test('everybody can see that a device is hosted', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  const bruno = await App.register(t, server)
  await bank.send(amina, 'I am hosted')
  await bruno.say(amina, 'I am not')
  await waitUntil('both messages have come', () => amina.shown.length === 2)
  t.deepEqual(
    amina.shown.map(({ chat, hosted }) => [chat, hosted]).sort(),
    [
      [bank.user, true],
      [bruno.user, false],
    ].sort(),
  )
  t.true((await amina.client.trust.of(bank.user))?.hosted)
  t.false((await amina.client.trust.of(bruno.user))?.hosted)
  const certificates = await call<{ certs: string[] }>(`${server.url}/v1/devices/${bank.user}`, {
    token: (await register(server)).token,
  })
  t.is(certificates.body.certs.length, 1)
})

test('what a hosted device sends and gets is never in the clear in the database', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  const [toBank, toAmina] = ['CANARY-to-the-bank', 'CANARY-to-the-app']
  await amina.say(bank, toBank)
  amina.client.disconnect()
  await bank.send(amina, toAmina)
  t.deepEqual(await bank.texts(), [toBank])
  const rows = await queryDatabase<{ row: string }>(
    server.databaseUrl,
    `SELECT encode(value, 'hex') AS row FROM hosted_records
     UNION ALL SELECT encode(payload, 'hex') FROM envelopes`,
  )
  t.true(rows.length > 100)
  const all = rows.map(({ row }) => row).join('\n')
  for (const text of [toBank, toAmina]) t.false(all.includes(Buffer.from(text).toString('hex')))
})

test('a message from somebody unknown is in the page that it came with', async (t) => {
  const server = shared()
  const [bank, ...apps] = [
    await HostedAccount.register(server),
    await App.register(t, server),
    await App.register(t, server),
    await App.register(t, server),
  ]
  for (const app of apps) for (const text of ['one', 'two', 'three']) await app.say(bank, text)
  const page = (await bank.read()).body
  t.is(page.messages.length, 9)
  for (const { user } of apps) {
    const texts = page.messages.filter(({ sender_ID }) => sender_ID === String(user)).map(({ text }) => text)
    t.deepEqual(texts, ['one', 'two', 'three'])
  }
  t.deepEqual(
    page.messages.map(({ messageId }) => BigInt(messageId)),
    page.messages.map(({ messageId }) => BigInt(messageId)).sort((a, b) => (a < b ? -1 : 1)),
  )
})

test('messages whose senders had to be looked up wait in the store, and are opened by the next reading', async (t) => {
  const server = shared()
  const [bank, amina] = [await HostedAccount.register(server), await App.register(t, server)]
  const sent = await amina.say(bank, 'I shall wait')
  const hidden = await queryDatabase<{ lists: string }>(
    server.databaseUrl,
    `WITH gone AS (DELETE FROM device_lists WHERE user_id = $1 RETURNING *)
     SELECT coalesce(json_agg(to_json(gone))::text, '') AS lists FROM gone`,
    [amina.user],
  )
  t.not(hidden[0]?.lists, '')
  t.deepEqual(await bank.texts(), [])
  await waitUntil('it is stored all the same', () => amina.statusOf(sent) === 'delivered')
  await queryDatabase(
    server.databaseUrl,
    'INSERT INTO device_lists SELECT * FROM json_populate_recordset(NULL::device_lists, $1::json)',
    [hidden[0]?.lists],
  )
  t.deepEqual(await bank.texts(), ['I shall wait'])
})

test('an app that lost its sessions gets the message again, and the conversation goes on', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  await bank.send(amina, 'before')
  await waitUntil('the session is there', () => amina.shown.length === 1)
  await amina.say(bank, 'an answer, so that both know the session')
  await bank.texts()
  // Its key bundle went with the first message: what comes now names only the session.
  await bank.send(amina, 'and again')
  await waitUntil('it is there too', () => amina.shown.length === 2)
  await amina.forgetSessions()
  await bank.send(amina, 'lost?')
  await waitUntil('it could not be read', () => amina.texts.at(-1) === '[undecrypted]')
  await waitUntil('it was sent again', async () => {
    await bank.read()
    return amina.changed.length === 1
  })
  t.deepEqual(amina.changed[0]?.body, { type: 'text', text: 'lost?' })
  await bank.send(amina, 'after')
  await waitUntil('the next one is read at once', () => amina.texts.at(-1) === 'after')
  await amina.say(bank, 'all is well')
  t.is((await bank.texts()).at(-1), 'all is well')
})

test('what a hosted device could not read comes in its place, or anew when it was acknowledged before', async (t) => {
  const server = shared()
  for (const acknowledged of [false, true]) {
    const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
    await bank.send(amina, 'so that both know the session')
    await waitUntil('it is there', () => amina.shown.length === 1)
    await amina.say(bank, 'before')
    await bank.texts()
    await amina.say(bank, 'and again')
    await bank.texts()
    // The record of its session with Amina is damaged.
    const name = keys.session(amina.user, 1)
    const damaged = await queryDatabase(
      server.databaseUrl,
      `UPDATE hosted_records SET value = overlay(value PLACING '\\x00000000' FROM 40)
       WHERE user_id = $1 AND key = $2 RETURNING 1`,
      [bank.user, Buffer.from(name)],
    )
    t.is(damaged.length, 1)
    await amina.say(bank, 'lost?')
    amina.client.disconnect()
    t.deepEqual(await bank.texts(), ['before', 'and again', '[undecrypted]'])
    const { cursor } = (await bank.read()).body
    if (acknowledged) t.is((await bank.acknowledge(cursor, true)).body.acknowledged, 3)
    amina.client.connect()
    await waitUntil('it was sent again', async () => (await bank.texts()).includes('lost?'))
    t.deepEqual(await bank.texts(), acknowledged ? ['lost?'] : ['before', 'and again', 'lost?'])
    await amina.say(bank, 'after')
    t.is((await bank.texts()).at(-1), 'after')
    const others = (await bank.send(amina, 'and back')).status
    t.is(others, 201)
    await waitUntil('Amina sees it', () => amina.texts.at(-1) === 'and back')
  }
})

test('the first answer ends the weak beginning of a session', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  const sizes = async () =>
    (
      await queryDatabase<{ bytes: number }>(
        server.databaseUrl,
        'SELECT length(payload) AS bytes FROM envelopes WHERE user_id = $1 AND kind = $2 ORDER BY message_id',
        [bank.user, Kind.MESSAGE],
      )
    ).map(({ bytes }) => bytes)
  await amina.say(bank, 'first')
  await amina.say(bank, 'second')
  const [first, second] = await sizes()
  t.is(first, second)
  await bank.texts()
  await waitUntil('the app has heard the answer', async () => {
    await amina.say(bank, 'third')
    const [third] = await sizes()
    await bank.texts()
    // Without the keys of the beginning.
    return third! < first! - 1_000
  })
  t.pass()
})

test('a hosted device refills its keys when the server says that few are left', async (t) => {
  const server = shared()
  const bank = await HostedAccount.register(server)
  const stock = async () =>
    (await call<{ opk: number; pqOpk: number }>(`${server.url}/v1/keys/count`, { token: bank.token })).body
  t.deepEqual(await stock(), { opk: 100, pqOpk: 20 })
  // As if others had taken them.
  await queryDatabase(
    server.databaseUrl,
    `DELETE FROM one_time_pre_keys WHERE user_id = $1 AND key_id >
     (SELECT key_id FROM one_time_pre_keys WHERE user_id = $1 ORDER BY key_id LIMIT 1 OFFSET 19)`,
    [bank.user],
  )
  t.is((await stock()).opk, 20)
  const amina = await App.register(t, server)
  await amina.say(bank, 'with one of the last')
  t.is((await stock()).opk, 19)
  await waitUntil('there are more', async () => {
    await bank.read()
    return (await stock()).opk === 100
  })
  const bruno = await App.register(t, server)
  await bruno.say(bank, 'with the last of the old ones')
  await queryDatabase(
    server.databaseUrl,
    `DELETE FROM one_time_pre_keys WHERE user_id = $1 AND key_id <
     (SELECT key_id FROM one_time_pre_keys WHERE user_id = $1 ORDER BY key_id LIMIT 1 OFFSET 30)`,
    [bank.user],
  )
  const clara = await App.register(t, server)
  await clara.say(bank, 'with a new one')
  t.deepEqual(await bank.texts(), ['with one of the last', 'with the last of the old ones', 'with a new one'])
})

test('an account that is registered anew has another account key, which its peers are told', async (t) => {
  const server = shared()
  const phone = newPhone()
  const amina = await App.register(t, server)
  const old = await HostedAccount.register(server, phone)
  await old.send(amina, 'the old one')
  await waitUntil('it is there', () => amina.shown.length === 1)
  const before = await amina.client.trust.of(old.user)
  const renewed = await HostedAccount.register(server, phone)
  t.is((await old.send(amina, 'x')).status, 401)
  t.is((await renewed.send(amina, 'the new one')).status, 201)
  await waitUntil('the new one is there', () => amina.texts.at(-1) === 'the new one')
  await waitUntil('the change was told', () => amina.identities.includes(old.user))
  const after = await amina.client.trust.of(old.user)
  t.not(after?.safetyNumber, before?.safetyNumber)
  t.true(after?.hosted)
  await amina.say(renewed, 'hello new one')
  t.deepEqual(await renewed.texts(), ['hello new one'])
})

test('an account that goes from hosted to an app is seen as another, and what waits for the old one is not read', async (t) => {
  const server = shared()
  const phone = newPhone()
  const amina = await App.register(t, server)
  const hosted = await HostedAccount.register(server, phone)
  await amina.say(hosted, 'for the hosted one')
  const app = await App.register(t, server, { phone })
  const answer = await call<Problem>(`${server.url}/messages`, { token: hosted.token })
  t.is(answer.status, 401)
  await amina.say(app, 'for the app')
  await waitUntil('the app has it', () => app.texts.includes('for the app'))
  t.deepEqual(app.texts, ['for the app'])
  await waitUntil('the change was told', () => amina.identities.includes(hosted.user))
  t.false((await amina.client.trust.of(app.user))?.hosted)
})

test('what no app would send is not shown, and holds up nothing', async (t) => {
  const server = shared()
  const bank = await HostedAccount.register(server)
  const amina = await App.register(t, server)
  const raw = await register(server)
  const device = await Device.connect(server.url, raw.token, { acks: true })
  const { registrationId } = await registrationOf(server, bank, raw.token)
  const copies = (payload: Uint8Array) => [{ device: 1, registrationId, payload }]
  const payloads = [
    new Uint8Array(1),
    Uint8Array.of(1, 2),
    Uint8Array.of(1, 3, ...new Uint8Array(200)),
    Uint8Array.of(1, 8, ...new Uint8Array(145)),
    new Uint8Array(60_000).fill(0xff),
    Uint8Array.of(9, 9, 9),
  ]
  for (const kind of [Kind.MESSAGE, Kind.DEVICE_EVENT]) {
    for (const payload of payloads) {
      const frame = message(bank, payload, { kind, copies: copies(payload) })
      device.send(frame)
      await device.accepted(frame.id)
    }
  }
  await amina.say(bank, 'a good one')
  t.deepEqual(await bank.texts(), ['a good one'])
  t.is((await bank.send(amina, 'and back')).status, 201)
})

test('many requests at once are all answered, and each message is shown once', async (t) => {
  const server = shared()
  const [bank, shop] = [await HostedAccount.register(server), await HostedAccount.register(server)]
  const amina = await App.register(t, server)
  const texts = Array.from({ length: 40 }, (_, i) => `number ${i}`)
  const answers = await Promise.all(texts.flatMap((text) => [bank.send(amina, text), bank.send(shop, text)]))
  t.deepEqual(
    answers.map(({ status, body }) => (status === 201 ? 201 : body)),
    answers.map(() => 201),
  )
  await waitUntil('all are shown', () => amina.shown.length === texts.length)
  t.deepEqual(amina.texts.sort(), texts.toSorted())
  const pages = await Promise.all(Array.from({ length: 5 }, () => shop.texts()))
  for (const page of pages) t.deepEqual(page.sort(), texts.toSorted())
})

test('a mailbox that has filled is read page by page, in order', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  const written = Array.from({ length: 120 }, (_, i) => `number ${i}`)
  const sent = written.map((text) => amina.client.sendText(bank.user, text))
  await Promise.all(sent.map((message) => amina.client.whenAccepted(message)))
  const pages: string[][] = []
  for (let more = true; more;) {
    const { body } = await bank.read('?limit=50')
    pages.push(body.messages.map(({ text }) => text ?? ''))
    await bank.acknowledge(body.cursor, false)
    more = body.more
  }
  t.deepEqual(pages.flat(), written)
  t.is(pages.length, 3)
})

test('requests of one time get through although the recipient has another device meanwhile', async (t) => {
  const server = shared()
  const [bank, phone] = [await HostedAccount.register(server), newPhone()]
  const amina = await App.register(t, server, { phone })
  await bank.send(amina, 'before')
  await waitUntil('it is there', () => amina.shown.length === 1)
  await amina.client.close()
  const again = await App.register(t, server, { phone })
  const texts = Array.from({ length: 20 }, (_, i) => `number ${i}`)
  const answers = await Promise.all(texts.map((text) => bank.send(again, text)))
  t.deepEqual(
    answers.map(({ status, body }) => (status === 201 ? 201 : body)),
    answers.map(() => 201),
  )
  await waitUntil('all are shown', () => again.shown.length >= texts.length)
  t.deepEqual(again.texts.sort(), texts.toSorted())
})

test('a message to oneself is refused while there is no other device', async (t) => {
  const bank = await HostedAccount.register(shared())
  const answer = await bank.send(bank, 'dear diary')
  t.is(answer.status, 404)
  t.is(answer.body.code, 'NO_KEYS')
})

test('a recipient without keys is told as such', async (t) => {
  const server = shared()
  const bank = await HostedAccount.register(server)
  const raw = await register(server)
  const answer = await bank.send({ user: Number(raw.user) }, 'hello')
  t.is(answer.status, 404)
  t.is(answer.body.code, 'NO_KEYS')
})

test('a message that is sent again under its Idempotency-Key after a fault is shown once', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  const first = await bank.send(amina, 'once', 'a-key')
  t.is(first.status, 201)
  // As if the node had been killed before it could remember its answer.
  const forgotten = await queryDatabase(
    server.databaseUrl,
    'DELETE FROM idempotency_keys WHERE user_id = $1 RETURNING 1',
    [bank.user],
  )
  t.is(forgotten.length, 1)
  const second = await bank.send(amina, 'once', 'a-key')
  t.is(second.status, 201)
  t.not(second.headers.get('idempotency-replayed'), 'true')
  await bank.send(amina, 'next')
  await waitUntil('the next one is there', () => amina.texts.includes('next'))
  t.deepEqual(amina.texts, ['once', 'next'])
})

async function registrationOf(
  { url }: TestServer,
  { user }: HostedAccount,
  token: string,
): Promise<{ registrationId: number }> {
  const { body } = await call<{ lists: string[] }>(`${url}/v1/devices/${user}`, { token })
  const list = decodeDeviceList(Buffer.from(body.lists.at(-1)!, 'base64'))
  return { registrationId: list.devices[0]!.registrationId }
}
