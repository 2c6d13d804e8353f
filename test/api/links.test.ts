import { randomBytes } from 'node:crypto'
import test from 'ava'
import { encodeBase64 } from '../../proto/base64.ts'
import type { Problem } from '../../src/api/problem.ts'
import { turnDatabaseClock } from '../helpers/database.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { damaged, TestAccountKeys } from '../helpers/keys.ts'
import { shareServer, startServer } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'

const MINUTE = 60_000

const shared = shareServer(test)

interface Messages {
  readonly messages: readonly { readonly number: number; readonly message: string }[]
}

async function openRendezvous(server: TestServer): Promise<string> {
  const opened = await call<{ rendezvousId: string }>(`${server.url}/v1/devices/link`, { method: 'POST' })
  return `${server.url}/v1/devices/link/${opened.body.rendezvousId}`
}

const text = (value: string) => encodeBase64(Buffer.from(value))

test('two sides meet at a rendezvous, and read each message in its order', async (t) => {
  const url = await openRendezvous(shared())
  t.regex(url, /\/[\w-]{22}$/)
  t.deepEqual((await call<Messages>(`${url}?wait=0`)).body, { messages: [] })
  const waiting = call<Messages>(url)
  t.deepEqual((await call(url, { body: { message: text('a') } })).body, { number: 1 })
  t.deepEqual((await waiting).body.messages, [{ number: 1, message: text('a') }])
  await call(url, { body: { message: text('b') } })
  t.deepEqual((await call<Messages>(`${url}?after=1`)).body.messages, [{ number: 2, message: text('b') }])
})

test('a rendezvous takes eight messages of 4 KiB, whoever comes at once', async (t) => {
  const url = await openRendezvous(shared())
  const long = encodeBase64(randomBytes(4_096))
  t.is((await call<Problem>(url, { body: { message: encodeBase64(randomBytes(4_097)) } })).status, 400)
  const answers = await Promise.all(Array.from({ length: 12 }, () => call<Problem>(url, { body: { message: long } })))
  t.is(answers.filter(({ status }) => status === 201).length, 8)
  for (const { status, body } of answers) if (status !== 201) t.is(body.code, 'TOO_LARGE')
  const { messages } = (await call<Messages>(url)).body
  t.deepEqual(
    messages.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8],
  )
})

test('a rendezvous that nobody opened, or whose time is over, is not found', async (t) => {
  const server = await startServer(t)
  const url = await openRendezvous(server)
  t.is((await call(`${url}?wait=0`)).status, 200)
  await turnDatabaseClock(server.databaseUrl, 2 * MINUTE + 1)
  for (const one of [url, `${server.url}/v1/devices/link/${'A'.repeat(22)}`]) {
    t.is((await call<Problem>(`${one}?wait=0`)).body.code, 'NOT_FOUND', one)
    t.is((await call<Problem>(one, { body: { message: text('a') } })).body.code, 'NOT_FOUND', one)
  }
  const none = await call<Problem>(`${server.url}/v1/devices/link/x?wait=0`)
  t.deepEqual([none.body.code, none.body.errors?.[0]?.field], ['BAD_REQUEST', 'rendezvous'])
})

async function reserve(server: TestServer, token: string) {
  return call<Problem & { linkToken: string; device: number }>(`${server.url}/v1/devices/link/token`, {
    method: 'POST',
    token,
  })
}

async function setUp(server: TestServer) {
  const phone = newPhone()
  const keys = await TestAccountKeys.create(phone.slice(1))
  const bob = await register(server, phone, { keys: await keys.registration() })
  const putList = async () =>
    call<Problem>(`${server.url}/v1/devices/list`, { method: 'PUT', token: bob.token, body: await keys.signList() })
  const claim = (body: object) =>
    call<Problem & { token: string; device: number }>(`${server.url}/v1/devices/link/claim`, { body })
  return { bob, keys, putList, claim }
}

test('a place is claimed once, with the token and a certificate that is on the list', async (t) => {
  const server = shared()
  const { bob, keys, putList, claim } = await setUp(server)
  const { linkToken, device: number } = (await reserve(server, bob.token)).body
  t.is(number, 2)
  const device = await keys.addDevice(number)
  const body = { linkToken, cert: encodeBase64(device.cert), keys: await device.preKeys(), device: { name: 'Desk' } }
  const refused = async (what: string, change: object, code: string) =>
    t.is((await claim({ ...body, ...change })).body.code as string, code, what)
  await refused('not listed yet', {}, 'NO_KEYS')
  t.is((await putList()).status, 204)
  await refused('another token', { linkToken: encodeBase64(randomBytes(32)) }, 'LINK_REFUSED')
  await refused('a damaged certificate', { cert: encodeBase64(damaged(device.cert)) }, 'BAD_SIGNATURE')
  await refused('the place of another', { cert: encodeBase64(keys.primary.cert) }, 'LINK_REFUSED')
  await refused('keys of another', { keys: await keys.primary.preKeys() }, 'BAD_SIGNATURE')
  const claims = await Promise.all(Array.from({ length: 5 }, () => claim(body)))
  const [won, ...more] = claims.filter(({ status }) => status === 201)
  t.is(more.length, 0)
  for (const one of claims) if (one !== won) t.is(one.body.code, 'LINK_REFUSED')
  await refused('again', {}, 'LINK_REFUSED')
  const own = await call<{ devices: object[] }>(`${server.url}/v1/devices`, { token: won!.body.token })
  t.like(own.body.devices[1], { device: 2, name: 'Desk', hosted: false, registrationId: device.registrationId })
})

test('a token counts for two minutes', async (t) => {
  const server = await startServer(t)
  const { bob, keys, putList, claim } = await setUp(server)
  const first = (await reserve(server, bob.token)).body
  t.is((await reserve(server, bob.token)).body.device, 3, 'the first place is kept')
  const device = await keys.addDevice(first.device)
  await putList()
  await turnDatabaseClock(server.databaseUrl, 2 * MINUTE + 1)
  const body = { linkToken: first.linkToken, cert: encodeBase64(device.cert), keys: await device.preKeys() }
  t.is((await claim(body)).body.code, 'LINK_REFUSED')
  t.is((await reserve(server, bob.token)).body.device, 3, 'that of the list is not given again')
})

test('a primary links seven others, and no companion links any', async (t) => {
  const server = shared()
  const { bob, keys, putList, claim } = await setUp(server)
  let companion = ''
  for (let place = 2; place <= 8; place++) {
    const { linkToken, device: number } = (await reserve(server, bob.token)).body
    t.is(number, place)
    const device = await keys.addDevice(number)
    t.is((await putList()).status, 204)
    const cert = encodeBase64(device.cert)
    companion = (await claim({ linkToken, cert, keys: await device.preKeys({ pqOpks: 0 }) })).body.token
  }
  t.is((await reserve(server, bob.token)).body.code, 'TOO_MANY_DEVICES')
  t.is((await reserve(server, companion)).body.code, 'FORBIDDEN')
})

test('linking is limited by address', async (t) => {
  const server = await startServer(t, { env: { LIMITS: '{"link":{"burst":2,"perSecond":0.01}}' } })
  const open = () => call<Problem>(`${server.url}/v1/devices/link`, { method: 'POST' })
  const statuses = [(await open()).status, (await open()).status, (await open()).status]
  t.deepEqual(statuses, [201, 201, 429])
})
