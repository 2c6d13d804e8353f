import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Client, jsonEncoding, memoryStore, openFileStore, register, verify } from '../../client/node.ts'
import type { ClientEvents, IncomingMessage, OutgoingMessage } from '../../client/node.ts'
import type { ClientOptions } from '../../client/client-options.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { Checker, isClean } from '../../tools/replay/checker.ts'
import { seededRandom } from '../../tools/replay/random.ts'
import { newPhone } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import type { TestServer } from '../helpers/server.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitUntil } from '../helpers/wait-until.ts'

interface Person {
  readonly user: number
  readonly token: string
  readonly client: Client
  readonly shown: IncomingMessage[]
  readonly receipts: OutgoingMessage[]
}

async function enrol(server: TestServer, phone = newPhone()): Promise<{ user: number; token: string }> {
  await register(server.url, phone)
  return verify(server.url, phone, server.sms.codeFor(phone), { name: 'Test', platform: 'node' })
}

async function openPerson(
  t: ExecutionContext,
  account: { user: number; token: string },
  options: Partial<ClientOptions> & { url: string },
): Promise<Person> {
  const client = await Client.open({ store: memoryStore(), token: account.token, ...options })
  t.teardown(() => client.close())
  const shown: IncomingMessage[] = []
  const receipts: OutgoingMessage[] = []
  client.on('message', (message) => shown.push(message))
  client.on('receipt', (message) => receipts.push(message))
  return { ...account, client, shown, receipts }
}

async function newPerson(
  t: ExecutionContext,
  server: TestServer,
  options: Partial<ClientOptions> = {},
): Promise<Person> {
  return openPerson(t, await enrol(server), { url: server.url, ...options })
}

function online({ client }: Person): Promise<void> {
  return waitUntil('the client is online', () => client.connection.phase === 'online')
}

function once<Name extends keyof ClientEvents>(
  client: Client,
  name: Name,
  matches: (payload: ClientEvents[Name]) => boolean = () => true,
): Promise<ClientEvents[Name]> {
  return new Promise((resolve) => {
    const off = client.on(name, (payload) => {
      if (!matches(payload)) return
      off()
      resolve(payload)
    })
  })
}

const texts = (messages: readonly IncomingMessage[]): string[] =>
  messages.map(({ body }) => (body.type === 'text' ? body.text : body.type))

test('two people write to each other: ✓, ✓✓ and read come, in order', async (t) => {
  const server = await startNode(t)
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
  const server = await startNode(t)
  const amina = await newPerson(t, server, { encoding: jsonEncoding })
  const bruno = await newPerson(t, server)
  amina.client.sendText(bruno.user, 'from JSON')
  bruno.client.sendText(amina.user, 'to JSON')
  await waitUntil('both have it', () => amina.shown.length === 1 && bruno.shown.length === 1)
  t.deepEqual([...texts(amina.shown), ...texts(bruno.shown)], ['to JSON', 'from JSON'])
})

test('what was written to somebody who is away waits, and caughtUp comes after it', async (t) => {
  const server = await startNode(t)
  const amina = await newPerson(t, server)
  const bruno = await newPerson(t, server, { autoConnect: false })
  const sent = Array.from({ length: 300 }, (_, index) => amina.client.sendText(bruno.user, `message ${index}`))
  for (const message of sent) await amina.client.whenAccepted(message)
  t.true(amina.receipts.every(({ status }) => status === 'accepted'))
  const counts: number[] = []
  bruno.client.on('caughtUp', () => counts.push(bruno.shown.length))
  bruno.client.connect()
  await waitUntil('Bruno has caught up', () => counts.length === 1)
  t.deepEqual(counts, [300])
  t.deepEqual(
    texts(bruno.shown),
    sent.map((_, index) => `message ${index}`),
  )
  const delivered = (): number =>
    new Set(amina.receipts.filter((one) => one.status === 'delivered').map(({ id }) => id)).size
  await waitUntil('every message has ✓✓', () => delivered() === 300)
})

test('a user with several devices gets every message on each, although the sender knew of one', async (t) => {
  const server = await startNode(t)
  const amina = await newPerson(t, server)
  const devices = await createAccount(server.databaseUrl, { devices: 3 })
  const phones = await Promise.all(devices.map((device) => openPerson(t, device, { url: server.url })))
  const user = devices[0]?.user ?? 0
  const sent = ['one', 'two', 'three'].map((text) => amina.client.sendText(user, text))
  for (const message of sent) await amina.client.whenAccepted(message)
  for (const phone of phones) {
    await waitUntil('the device has all', () => phone.shown.length === 3)
    t.deepEqual(texts(phone.shown), ['one', 'two', 'three'])
  }
  await waitUntil('all three devices are known to have it', () => amina.receipts.at(-1)?.deliveredTo.length === 3)
})

test('a message to nobody fails in words, and the next chat goes on', async (t) => {
  const server = await startNode(t)
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
  const server = await startNode(t)
  const [amina, bruno] = [await newPerson(t, server), await newPerson(t, server)]
  await Promise.all([online(amina), online(bruno)])
  const isOnline = once(amina.client, 'presence', (presence) => presence.online)
  amina.client.watch([bruno.user])
  t.like(await isOnline, { user: bruno.user, online: true })
  const typing = once(amina.client, 'typing')
  bruno.client.typing(amina.user)
  t.deepEqual(await typing, { user: bruno.user, typing: true })
  const gone = once(amina.client, 'presence', (presence) => !presence.online)
  bruno.client.disconnect()
  t.true((await gone).lastSeen > 0)
})

test('a device that is registered again ends the client of the one before', async (t) => {
  const server = await startNode(t)
  const phone = newPhone()
  const before = await openPerson(t, await enrol(server, phone), { url: server.url })
  await online(before)
  const after = await openPerson(t, await enrol(server, phone), { url: server.url })
  await waitUntil('the old client has stopped', () => before.client.connection.phase === 'stopped')
  t.like(before.client.connection, { code: CloseCode.DEVICE_REMOVED })
  await online(after)
})

test('a second session of a device ends the first one, which may take it back', async (t) => {
  const server = await startNode(t)
  const account = await enrol(server)
  const first = await openPerson(t, account, { url: server.url })
  await online(first)
  first.client.disconnect()
  first.client.connect()
  await online(first)
  // A copy of the account that has counted fewer connections: refused, until its person insists.
  const copy = await openPerson(t, account, { url: server.url })
  await waitUntil('the copy was refused', () => copy.client.connection.phase === 'stopped')
  t.like(copy.client.connection, { code: CloseCode.REPLACED })
  copy.client.connect()
  await online(copy)
  await waitUntil('the first was replaced', () => first.client.connection.phase === 'stopped')
  t.like(first.client.connection, { code: CloseCode.REPLACED })
})

test('a wrong token stops the client', async (t) => {
  const server = await startNode(t)
  const { user } = await enrol(server)
  const { client } = await openPerson(t, { user, token: 'wrong' }, { url: server.url })
  await waitUntil('the client has stopped', () => client.connection.phase === 'stopped')
  t.like(client.connection, { code: CloseCode.UNAUTHENTICATED })
})

test('registration says what is wrong', async (t) => {
  const server = await startNode(t)
  const phone = newPhone()
  t.is(await register(server.url, phone.slice(1)), 600)
  const device = { name: 'Test', platform: 'node' }
  await t.throwsAsync(verify(server.url, phone, '000000', device), { code: 'WRONG_CODE' })
  await t.throwsAsync(register(server.url, '+12'), { code: 'BAD_REQUEST', message: /phone/ })
  await t.throwsAsync(register('http://127.0.0.1:9', phone), { code: 'UNREACHABLE' })
})

test('cut links, restarts and a refusing network lose nothing, double nothing and keep the order', async (t) => {
  const server = await startNode(t)
  const target = { host: '127.0.0.1', port: Number(new URL(server.url).port) }
  const random = seededRandom(7)
  const checker = new Checker()
  const accounts = [await enrol(server), await enrol(server)]
  const proxies = [await TcpProxy.open(target), await TcpProxy.open(target)]
  t.teardown(() => Promise.all(proxies.map((proxy) => proxy.close())))
  const directory = await mkdtemp(join(tmpdir(), 'parley-client-server-'))
  const clients: Client[] = []

  const start = async (index: number): Promise<void> => {
    const { user, token } = accounts[index] ?? { user: 0, token: '' }
    const store = await openFileStore(join(directory, String(user)))
    // Back-off without long delays.
    const url = `http://127.0.0.1:${proxies[index]?.port}`
    const client = await Client.open({ url, store, token, random: () => random() / 20 })
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
  for (let round = 0; round < 60; round += 1) {
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
  t.true(sent > 300)
})
