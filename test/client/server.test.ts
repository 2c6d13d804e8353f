import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Client, jsonEncoding, memoryStore, openFileStore, register, verify } from '../../client/node.ts'
import type { OutgoingMessage } from '../../client/node.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { Checker, isClean } from '../../tools/replay/checker.ts'
import { seededRandom } from '../../tools/replay/random.ts'
import { newPhone } from '../helpers/http.ts'
import { times } from '../helpers/long.ts'
import { startNode } from '../helpers/node.ts'
import { shareServer } from '../helpers/server.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { addDevice } from './helpers/further-device.ts'
import { enrol, newPerson, once, online, openPerson, texts } from './helpers/person.ts'
import { copyOf } from './helpers/stores.ts'

const shared = shareServer(test)
/** For somebody who is away. */
const WAITING = times(100, 300)
/** In each of which some write, and something is cut or restarted. */
const ROUNDS = times(20, 60)

test('two people write to each other: ✓, ✓✓ and read come, in order', async (t) => {
  const server = shared()
  const [amina, bruno] = [await newPerson(t, server), await newPerson(t, server)]
  await Promise.all([online(amina), online(bruno)])
  t.deepEqual(amina.client.address, { user: amina.user, device: 1 })
  const message = amina.client.sendText(bruno.user, 'Hello 👋🏽\nsecond line')
  await amina.client.whenAccepted(message)
  await waitUntil('Bruno sees it', () => bruno.shown.length === 1)
  t.deepEqual(texts(bruno.shown), ['Hello 👋🏽\nsecond line'])
  await bruno.client.markRead(bruno.shown)
  await waitUntil('Amina knows that it was read', () => amina.receipts.at(-1)?.status === 'read')
  bruno.client.sendText(amina.user, 'Hi!')
  await waitUntil('Amina sees the answer', () => amina.shown.length === 1)
  t.is((await amina.client.history(bruno.user)).length, 2)
})

test('JSON is spoken as well as protobuf', async (t) => {
  const server = shared()
  const amina = await newPerson(t, server, { encoding: jsonEncoding })
  const bruno = await newPerson(t, server)
  amina.client.sendText(bruno.user, 'from JSON')
  bruno.client.sendText(amina.user, 'to JSON')
  await waitUntil('both have it', () => amina.shown.length === 1 && bruno.shown.length === 1)
  t.deepEqual([...texts(amina.shown), ...texts(bruno.shown)], ['to JSON', 'from JSON'])
})

test('what was written to somebody who is away waits, and caughtUp comes after it', async (t) => {
  const server = shared()
  const amina = await newPerson(t, server)
  const bruno = await newPerson(t, server, { autoConnect: false })
  const sent = Array.from({ length: WAITING }, (_, index) => amina.client.sendText(bruno.user, `message ${index}`))
  for (const message of sent) await amina.client.whenAccepted(message)
  t.true(amina.receipts.every(({ status }) => status === 'accepted'))
  const counts: number[] = []
  bruno.client.on('caughtUp', () => counts.push(bruno.shown.length))
  bruno.client.connect()
  await waitUntil('Bruno has caught up', () => counts.length === 1)
  t.deepEqual(counts, [WAITING])
  t.deepEqual(
    texts(bruno.shown),
    sent.map((_, index) => `message ${index}`),
  )
  const delivered = (): number =>
    new Set(amina.receipts.filter((one) => one.status === 'delivered').map(({ id }) => id)).size
  await waitUntil('every message has ✓✓', () => delivered() === WAITING)
})

test('a user with several devices gets every message on each, although the sender knew of one', async (t) => {
  const server = shared()
  const { url } = server
  const [amina, bruno] = [await newPerson(t, server), await newPerson(t, server)]
  const { user } = bruno
  await amina.client.whenAccepted(amina.client.sendText(user, 'before'))
  const phones = [bruno]
  for (let device = 2; device <= 3; device += 1)
    phones.push(await openPerson(t, { user, store: await addDevice(url, bruno.client) }, { url }))
  for (const phone of phones.slice(1)) await online(phone)
  const sent = ['one', 'two', 'three'].map((text) => amina.client.sendText(user, text))
  for (const message of sent) await amina.client.whenAccepted(message)
  for (const phone of phones) {
    await waitUntil('the device has all', () => texts(phone.shown).filter((one) => one !== 'before').length === 3)
    t.deepEqual(
      texts(phone.shown).filter((one) => one !== 'before'),
      ['one', 'two', 'three'],
    )
  }
  await waitUntil('all three devices are known to have it', () => amina.receipts.at(-1)?.deliveredTo.length === 3)
  // What one of them writes, the others see too.
  const written: OutgoingMessage[] = []
  bruno.client.on('sent', (message) => written.push(message))
  const answer = phones[1]?.client.sendText(amina.user, 'from my tablet')
  await waitUntil('Amina has the answer', () => amina.shown.length === 1)
  await waitUntil('the other device shows it', () => written.length === 1)
  t.like(written[0], { id: answer?.id, chat: amina.user, body: { type: 'text', text: 'from my tablet' } })
})

test('a message to nobody fails in words, and the next chat goes on', async (t) => {
  const server = shared()
  const [amina, bruno] = [await newPerson(t, server), await newPerson(t, server)]
  const lost = amina.client.sendText(15559999999, 'Anybody?')
  await t.throwsAsync(amina.client.whenAccepted(lost), { code: 'UNKNOWN_USER' })
  await amina.client.whenAccepted(amina.client.sendText(bruno.user, 'Hello'))
  t.like((await amina.client.history(15559999999))[0], { status: 'failed', error: 'UNKNOWN_USER' })
})

test('whoever writes faster than the limit is slowed down, and nothing is lost or overtaken', async (t) => {
  const server = await startNode(t, { env: { LIMITS: '{"send":{"burst":20,"perSecond":50}}' } })
  const [amina, bruno] = [await newPerson(t, server), await newPerson(t, server)]
  const sent = Array.from({ length: 100 }, (_, index) => amina.client.sendText(bruno.user, `message ${index}`))
  for (const message of sent) await amina.client.whenAccepted(message)
  await waitUntil('Bruno has all', () => bruno.shown.length === 100)
  t.deepEqual(
    texts(bruno.shown),
    sent.map((_, index) => `message ${index}`),
  )
})

test('typing is seen, and presence with the time of leaving', async (t) => {
  const server = shared()
  const [amina, bruno] = [await newPerson(t, server), await newPerson(t, server)]
  await Promise.all([online(amina), online(bruno)])
  const isOnline = once(amina.client, 'presence', (presence) => presence.online)
  amina.client.watch([bruno.user])
  t.like(await isOnline, { user: bruno.user, online: true })
  // Signals go with the session that a message has begun.
  bruno.client.sendText(amina.user, 'Hello')
  await waitUntil('Amina sees it', () => amina.shown.length === 1)
  const typing = once(amina.client, 'typing')
  bruno.client.typing(amina.user)
  t.deepEqual(await typing, { user: bruno.user, typing: true })
  const gone = once(amina.client, 'presence', (presence) => !presence.online)
  bruno.client.disconnect()
  t.true((await gone).lastSeen > 0)
})

test('a device that is registered again ends the client of the one before', async (t) => {
  const server = shared()
  const phone = newPhone()
  const before = await openPerson(t, await enrol(server, { phone }), { url: server.url })
  await online(before)
  const after = await openPerson(t, await enrol(server, { phone }), { url: server.url })
  await waitUntil('the old client has stopped', () => before.client.connection.phase === 'stopped')
  t.like(before.client.connection, { code: CloseCode.DEVICE_REMOVED })
  await online(after)
})

test('a second session of a device ends the first one, which may take it back', async (t) => {
  const server = shared()
  const account = await enrol(server)
  const before = await copyOf(account.store)
  const first = await openPerson(t, account, { url: server.url })
  await online(first)
  first.client.disconnect()
  first.client.connect()
  await online(first)
  // A copy of the account that has counted fewer connections: refused, until its person insists.
  const copy = await openPerson(t, { ...account, store: before }, { url: server.url })
  await waitUntil('the copy was refused', () => copy.client.connection.phase === 'stopped')
  t.like(copy.client.connection, { code: CloseCode.REPLACED })
  copy.client.connect()
  await online(copy)
  await waitUntil('the first was replaced', () => first.client.connection.phase === 'stopped')
  t.like(first.client.connection, { code: CloseCode.REPLACED })
})

test('a wrong token stops the client', async (t) => {
  const server = shared()
  const { url } = server
  const account = await enrol(server)
  const { user } = account
  const known = await openPerson(t, account, { url, token: `${user}.1.wrong` })
  // Its keys are those that the server does not take under this token.
  const fresh = await openPerson(t, { user, store: memoryStore() }, { url, token: `${user}.1.wrong` })
  for (const { client } of [known, fresh]) {
    await waitUntil('the client has stopped', () => client.connection.phase === 'stopped')
    t.like(client.connection, { code: CloseCode.UNAUTHENTICATED })
  }
  const none = Client.open({ url, store: memoryStore(), token: 'wrong' })
  await t.throwsAsync(none, { code: 'INVALID_TOKEN' })
})

test('registration says what is wrong', async (t) => {
  const server = shared()
  const phone = newPhone()
  const { expiresInSeconds, session } = await register(server.url, phone.slice(1))
  t.is(expiresInSeconds, 600)
  const device = { session, name: 'Test', platform: 'node', store: memoryStore() }
  await t.throwsAsync(verify(server.url, phone, '000000', device), { code: 'WRONG_CODE' })
  await t.throwsAsync(register(server.url, '+12'), { code: 'BAD_REQUEST', message: /phone/ })
  await t.throwsAsync(register('http://127.0.0.1:9', phone), { code: 'UNREACHABLE' })
})

test('cut links, restarts and a refusing network lose nothing, double nothing and keep the order', async (t) => {
  const server = shared()
  const target = { host: '127.0.0.1', port: Number(new URL(server.url).port) }
  const random = seededRandom(7)
  const checker = new Checker()
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-server-'))
  const accounts: { user: number; path: string }[] = []
  for (const name of ['a', 'b']) {
    const path = join(directory, name)
    const { user, store } = await enrol(server, { store: await openFileStore(path) })
    await store.close()
    accounts.push({ user, path })
  }
  const proxies = [await TcpProxy.open(target), await TcpProxy.open(target)]
  t.teardown(() => Promise.all(proxies.map((proxy) => proxy.close())))
  const clients: Client[] = []

  const start = async (index: number): Promise<void> => {
    const { user, path } = accounts[index] ?? { user: 0, path: '' }
    const store = await openFileStore(path)
    // Back-off without long delays.
    const url = `http://127.0.0.1:${proxies[index]?.port}`
    const client = await Client.open({ url, store, random: () => random() / 20 })
    clients[index] = client
    client.on('message', ({ id, chat, device, body }) => {
      checker.shown(`${user}.1`, { id, from: `${chat}.${device}`, text: body.type === 'text' ? body.text : '' })
    })
    client.on('receipt', ({ id, status }) => {
      if (status === 'failed' || status === 'expired') t.fail(`${id} has ${status}`)
      else checker.receipt(`${user}.1`, id, status)
    })
  }

  await Promise.all([start(0), start(1)])
  t.teardown(() => Promise.all(clients.map((client) => client.close())))
  let sent = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const index of [0, 1]) {
      const to = accounts[1 - index]?.user ?? 0
      for (let count = random() * 8; count > 0; count -= 1) {
        const text = `${index} ${sent}`
        const message = clients[index]?.sendText(to, text)
        checker.sent({ id: message?.id ?? '', from: `${accounts[index]?.user}.1`, to, text })
        sent += 1
      }
      const event = random()
      if (event < 0.3) proxies[index]?.cut()
      else if (event < 0.35) proxies[index]?.sever()
      else if (event < 0.45) {
        await clients[index]?.close()
        await start(index)
      }
      if (random() < 0.5) proxies[index]?.mend()
    }
    const before = checker.progress().delivered
    if (random() < 0.6)
      await waitUntil('something moves', () => checker.progress().delivered > before || random() < 0.1)
  }
  for (const proxy of proxies) proxy.mend()
  await waitUntil('every message has ✓✓', () => checker.progress().delivered === sent, 60_000)
  const findings = checker.findings((user) => [`${user}.1`])
  t.true(isClean(findings), JSON.stringify(findings))
  t.true(sent > 5 * ROUNDS)
})
