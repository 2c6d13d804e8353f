import { randomUUID } from 'node:crypto'
import test from 'ava'
import { keyCheck } from '../../client/crypto/devices/key-check.ts'
import { sha256 } from '../../client/crypto/primitives/hash.ts'
import { decodeDeviceCert } from '../../client/crypto/wire/device-cert.ts'
import { decodeDeviceList } from '../../client/crypto/wire/device-list.ts'
import { decodeKemPreKey, decodeOneTimePreKey, decodeSignedPreKey } from '../../client/crypto/wire/pre-keys.ts'
import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import { Kind } from '../../proto/frames.ts'
import type { Problem } from '../../src/api/problem.ts'
import { Device, message } from '../helpers/device.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import type { TestAccount } from '../helpers/http.ts'
import { damaged, TestAccountKeys } from '../helpers/keys.ts'
import type { KeyAmounts } from '../helpers/keys.ts'
import { shareServer, startServer, UNLIMITED } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'

const shared = shareServer(test)

interface Taken {
  readonly list: string
  readonly devices: readonly {
    readonly device: number
    readonly cert: string
    readonly spk: string
    readonly opk?: string
    readonly pq: string
    readonly pqKind: number
  }[]
}

interface KeyedAccount extends TestAccount {
  readonly keys: TestAccountKeys
}

async function registerWithKeys(
  server: TestServer,
  amounts: KeyAmounts = {},
  phone = newPhone(),
): Promise<KeyedAccount> {
  const keys = await TestAccountKeys.create(phone.slice(1))
  return { ...(await register(server, phone, { keys: await keys.registration(amounts) })), keys }
}

const take = (server: TestServer, token: string, user: string, body: object = {}, key = randomUUID()) =>
  call<Taken & Problem>(`${server.url}/v1/keys/${user}/take`, { token, body, headers: { 'idempotency-key': key } })

test('an account that registers with its keys can be written to at once', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const ann = await register(server)
  const answer = await take(server, ann.token, bob.user)
  t.is(answer.status, 200, JSON.stringify(answer.body))
  t.deepEqual(findBase64(answer.body.list), bob.keys.tip)
  const [bundle] = answer.body.devices
  t.is(bundle?.device, 1)
  t.is(bundle?.cert, encodeBase64(bob.keys.primary.cert))
  t.is(bundle?.pqKind, 1)
  t.is(decodeOneTimePreKey(findBase64(bundle?.opk ?? '')!).publicKey.length, 32)
  const devices = await call<{ lists: string[]; certs: string[] }>(`${server.url}/v1/devices/${bob.user}`, {
    token: ann.token,
  })
  t.deepEqual(devices.body.lists, [encodeBase64(bob.keys.tip)])
  t.deepEqual(devices.body.certs, [encodeBase64(bob.keys.primary.cert)])
})

test('keys that are not signed as they must be leave no account, and the code serves again', async (t) => {
  const server = shared()
  const phone = newPhone()
  const keys = await TestAccountKeys.create(phone.slice(1))
  const good = await keys.registration()
  const bad = (text: string) => encodeBase64(damaged(findBase64(text)!))
  await call(`${server.url}/v1/registrations`, { body: { phone } })
  const code = server.sms.codeFor(phone)
  const verify = (body: object) =>
    call<Problem>(`${server.url}/v1/registrations/verify`, { body: { phone, code, keys: body } })
  for (const name of ['cert', 'list', 'spk', 'pqLast'] as const) {
    const answer = await verify({ ...good, [name]: bad(good[name]) })
    t.is(answer.status, 422, name)
    t.is(answer.body.code, 'BAD_SIGNATURE', name)
  }
  t.is((await verify({ ...good, pqOpks: [good.pqLast] })).body.code, 'BAD_SIGNATURE', 'a last resort as a one-time key')
  const other = await TestAccountKeys.create(Number(phone.slice(1)) + 1)
  t.is((await verify(await other.registration())).body.code, 'BAD_REQUEST', 'keys of another user')
  const hosted = await TestAccountKeys.create(phone.slice(1), { hosted: true })
  t.is((await verify(await hosted.registration())).body.code, 'BAD_REQUEST', 'a hosted certificate')
  t.is((await verify(good)).status, 201)
  t.is(decodeDeviceList(keys.tip).epoch, 1)
})

test('the same take under the same key gives the same keys, to the same device alone', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server, { opks: 5, pqOpks: 5 })
  const cid = await registerWithKeys(server, { opks: 5, pqOpks: 5 })
  const ann = await register(server)
  const eve = await register(server)
  const key = randomUUID()
  const first = await take(server, ann.token, bob.user, {}, key)
  const again = await Promise.all(Array.from({ length: 3 }, () => take(server, ann.token, bob.user, {}, key)))
  for (const one of again) t.deepEqual(one.body, first.body)
  t.is(again[0]?.headers.get('idempotency-replayed'), 'true')
  // The key counts for this user and this taker.
  const ofCid = await take(server, ann.token, cid.user, {}, key)
  t.is(ofCid.body.devices[0]?.cert, encodeBase64(cid.keys.primary.cert))
  const forEve = await take(server, eve.token, bob.user, {}, key)
  t.not(forEve.body.devices[0]?.opk, first.body.devices[0]?.opk)
  const otherBody = await take(server, ann.token, bob.user, { devices: [1] }, key)
  t.is(otherBody.body.code, 'IDEMPOTENCY_CONFLICT')
  const count = await call(`${server.url}/v1/keys/count`, { token: bob.token })
  t.deepEqual(count.body, { opk: 3, pqOpk: 3 })
})

test('when one-time keys are used up the last resort is given, and new ones heal it', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server, { opks: 0, pqOpks: 0 })
  const ann = await register(server)
  const without = await take(server, ann.token, bob.user)
  t.is(without.body.devices[0]?.opk, undefined)
  t.is(without.body.devices[0]?.pqKind, 2)
  const { opks, pqOpks } = await bob.keys.primary.preKeys({ opks: 2, pqOpks: 2 })
  const url = `${server.url}/v1/keys`
  const stored = await call(url, { method: 'PUT', token: bob.token, body: { opks, pqOpks } })
  t.is(stored.status, 204, JSON.stringify(stored.body))
  const healed = await take(server, ann.token, bob.user)
  t.is(healed.body.devices[0]?.opk, opks[0])
  t.is(healed.body.devices[0]?.pq, pqOpks[0])
  t.is(healed.body.devices[0]?.pqKind, 1)
})

test('keys that are supplied must be signed by the device, of now, and no rubbish', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const url = `${server.url}/v1/keys`
  const put = (body: object, token = bob.token) => call<Problem>(url, { method: 'PUT', token, body })
  const device = bob.keys.primary
  const spk = await device.signedPreKey()
  const hour = 60 * 60_000
  const cases: readonly [object, number, string][] = [
    [{ spk: encodeBase64(damaged(spk)) }, 422, 'BAD_SIGNATURE'],
    [{ pqOpks: [encodeBase64(await device.kemPreKey(2))] }, 422, 'BAD_SIGNATURE'],
    [{ pqLast: encodeBase64(await device.kemPreKey(1)) }, 422, 'BAD_SIGNATURE'],
    [{ spk: encodeBase64(await device.signedPreKey(Date.now() - hour - 60_000)) }, 422, 'CLOCK_SKEW'],
    [{ pqOpks: [encodeBase64(await device.kemPreKey(1, Date.now() + hour + 60_000))] }, 422, 'CLOCK_SKEW'],
    [{ opks: [encodeBase64(device.oneTimePreKey(0))] }, 400, 'BAD_REQUEST'],
    [{ opks: [encodeBase64(device.oneTimePreKey(9)), encodeBase64(device.oneTimePreKey(9))] }, 400, 'BAD_REQUEST'],
    [{ opks: [encodeBase64(device.oneTimePreKey().subarray(1))] }, 400, 'BAD_REQUEST'],
    [{ opks: ['*'] }, 400, 'BAD_REQUEST'],
    [{ opks: Array.from({ length: 101 }, () => encodeBase64(device.oneTimePreKey())) }, 400, 'BAD_REQUEST'],
    [{ spk: 5 }, 400, 'BAD_REQUEST'],
    [{ key: '' }, 400, 'BAD_REQUEST'],
  ]
  for (const [body, status, code] of cases) {
    const answer = await put(body)
    t.is(answer.status, status, JSON.stringify(body).slice(0, 80))
    t.is(answer.body.code as string, code)
  }
  t.deepEqual((await call(`${url}/count`, { token: bob.token })).body, { opk: 3, pqOpk: 2 })
  t.is((await put({ spk: encodeBase64(spk) })).status, 204)
  const keyless = await register(server)
  t.is((await put({ spk: encodeBase64(spk) }, keyless.token)).body.code, 'NO_KEYS')
})

test('a device finds out that the server has other keys than it', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const url = `${server.url}/v1/keys`
  const cert = decodeDeviceCert(bob.keys.primary.cert)
  const spk = await bob.keys.primary.signedPreKey()
  const pqLast = await bob.keys.primary.kemPreKey(2)
  const digest = encodeBase64(keyCheck(cert.address, cert.identity, decodeSignedPreKey(spk), decodeKemPreKey(pqLast)))
  const check = (token = bob.token) => call<Problem>(`${url}/check`, { token, body: { digest } })
  t.is((await check()).body.code, 'KEYS_DIFFER')
  const body = { spk: encodeBase64(spk), pqLast: encodeBase64(pqLast) }
  const stored = await call(url, { method: 'PUT', token: bob.token, body })
  t.is(stored.status, 204, JSON.stringify(stored.body))
  t.is((await check()).status, 204)
  t.is((await check((await register(server)).token)).status, 409)
})

test('who has no keys, and who is nobody, is said', async (t) => {
  const server = shared()
  const ann = await register(server)
  const bob = await register(server)
  const none = await take(server, ann.token, bob.user)
  t.deepEqual([none.status, none.body.code], [404, 'NO_KEYS'])
  t.is((await call<Problem>(`${server.url}/v1/devices/${bob.user}`, { token: ann.token })).body.code, 'NO_KEYS')
  t.is((await take(server, ann.token, '19990000000')).body.code, 'UNKNOWN_USER')
  t.is((await call<Problem>(`${server.url}/v1/devices/19990000000`, { token: ann.token })).body.code, 'UNKNOWN_USER')
  t.is((await take(server, ann.token, 'bob')).body.code, 'BAD_REQUEST')
  t.is((await take(server, 'x', bob.user)).status, 401)
})

test('only who knows an earlier identity of a user is told that it has changed', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const cid = await registerWithKeys(server)
  const dora = await registerWithKeys(server)
  const renewed = await registerWithKeys(server, {}, `+${cid.user}`)
  await registerWithKeys(server, {}, `+${dora.user}`)
  const ann = await register(server)
  const hashOf = (keys: TestAccountKeys) => encodeBase64(sha256(keys.account.publicKey))
  const users = [
    { user: cid.user, hash: hashOf(cid.keys) },
    // As of somebody whose key has not changed, of somebody without keys, and of nobody.
    { user: cid.user, hash: hashOf(renewed.keys) },
    { user: bob.user, hash: hashOf(bob.keys) },
    { user: bob.user, hash: hashOf(cid.keys) },
    { user: dora.user, hash: hashOf(cid.keys) },
    { user: ann.user, hash: hashOf(cid.keys) },
    { user: '19990000000', hash: hashOf(cid.keys) },
  ]
  const url = `${server.url}/v1/keys/identity-check`
  const answer = await call(url, { token: ann.token, body: { users } })
  t.deepEqual(answer.body, { users: [cid.user] })
  const short = [{ user: cid.user, hash: encodeBase64(sha256(cid.keys.account.publicKey).subarray(0, 4)) }]
  t.is((await call(url, { token: ann.token, body: { users: short } })).status, 400)
  const many = Array.from({ length: 1_001 }, () => users[0])
  t.is((await call(url, { token: ann.token, body: { users: many } })).status, 400)
})

test('every limit on keys answers when to come again', async (t) => {
  const limit = { burst: 1, perSecond: 0.01 }
  const LIMITS = JSON.stringify({ preKeys: limit, keys: limit, identityCheck: limit, devices: limit })
  const server = await startServer(t, { env: { LIMITS } })
  const bob = await registerWithKeys(server)
  const ann = await register(server)
  const { opks } = await bob.keys.primary.preKeys()
  const next = await bob.keys.signList()
  const requests = {
    preKeys: () => take(server, ann.token, bob.user),
    keys: () => call<Problem>(`${server.url}/v1/keys`, { method: 'PUT', token: bob.token, body: { opks } }),
    identityCheck: () =>
      call<Problem>(`${server.url}/v1/keys/identity-check`, { token: ann.token, body: { users: [] } }),
    devices: () => call<Problem>(`${server.url}/v1/devices/list`, { method: 'PUT', token: bob.token, body: next }),
  }
  for (const [name, request] of Object.entries(requests)) {
    t.true((await request()).status < 300, name)
    const refused = await request()
    t.is(refused.status, 429, name)
    t.regex(refused.body.detail, new RegExp(`limit ${name}`))
    t.true(Number(refused.headers.get('retry-after')) > 90, name)
  }
})

test('every question that tells whether a number is registered counts against one limit, whoever is asked about', async (t) => {
  const limits = { ...(JSON.parse(UNLIMITED) as object), lookups: { burst: 10, perSecond: 1e-6 } }
  const server = await startServer(t, { env: { LIMITS: JSON.stringify(limits) } })
  const bob = await registerWithKeys(server)
  const ann = await register(server)
  const cid = await register(server)
  const device = await Device.connect(server.url, ann.token)
  t.teardown(() => device.close())
  let next = 19_990_000_000
  const ways: Record<string, (of: string) => Promise<string>> = {
    lists: async (of) =>
      (await call<Problem>(`${server.url}/v1/devices/${of}`, { token: ann.token })).body.code ?? 'answered',
    take: async (of) => (await take(server, ann.token, of)).body.code ?? 'answered',
    send: async (of) => {
      const frame = message({ user: Number(of) }, 'x', { first: true })
      device.send(frame)
      return (await device.waitFor('error', ({ id }) => id === frame.id)).code
    },
  }
  const codes = new Set<string>()
  for (let round = 0; round < 6; round++) {
    for (const ask of Object.values(ways)) codes.add(await ask(String(next++)))
  }
  t.deepEqual([...codes], ['UNKNOWN_USER', 'RATE_LIMITED'])
  for (const [name, ask] of Object.entries(ways)) {
    t.is(await ask(bob.user), 'RATE_LIMITED', name)
    t.is(await ask(String(next++)), 'RATE_LIMITED', name)
  }
  device.send({ type: 'watch', users: [Number(bob.user)] })
  t.is((await device.waitFor('error', ({ message }) => /looked up/.test(message))).code, 'RATE_LIMITED')
  t.is((await call(`${server.url}/v1/devices/${ann.user}`, { token: ann.token })).status, 404, 'the own ones are free')
  t.is((await take(server, cid.token, bob.user)).status, 200, 'others have their own')
})

test('who registers again with another key begins a new chain; with the same key the chain must go on', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const phone = `+${bob.user}`
  const verify = async (keys: object) => {
    await call(`${server.url}/v1/registrations`, { body: { phone } })
    const body = { phone, code: server.sms.codeFor(phone), keys }
    return call<Problem & { token: string }>(`${server.url}/v1/registrations/verify`, { body })
  }
  const repeated = await verify(await bob.keys.registration())
  t.is(repeated.body.code, 'EPOCH_CONFLICT')
  t.deepEqual(repeated.body.details, { list: encodeBase64(bob.keys.tip) })
  t.is((await call(`${server.url}/v1/me`, { token: bob.token })).status, 200, 'the device that was there stays')
  bob.keys.dropDevice(1)
  await bob.keys.addDevice(1)
  await bob.keys.signList()
  const continued = await verify(await bob.keys.registration())
  t.is(continued.status, 201, JSON.stringify(continued.body))
  const chain = async (token: string) =>
    (await call<{ lists: string[] }>(`${server.url}/v1/devices/${bob.user}?since=0`, { token })).body.lists
  t.deepEqual(await chain(continued.body.token), bob.keys.lists.map(encodeBase64))
  const other = await TestAccountKeys.create(bob.user)
  const renewed = await verify(await other.registration())
  t.is(renewed.status, 201)
  t.deepEqual(await chain(renewed.body.token), [encodeBase64(other.tip)])
})

test('whoever knows a user hears of their new identity, and a device of its few keys', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server, { opks: 0, pqOpks: 0 })
  const ann = await register(server)
  const body = { users: [bob.user] }
  await call(`${server.url}/v1/contacts`, { method: 'PUT', token: ann.token, body })
  const device = await Device.connect(server.url, ann.token)
  const renewed = await registerWithKeys(server, { opks: 0, pqOpks: 20 }, `+${bob.user}`)
  const hint = async (one: Device) => {
    const { envelope } = await one.waitFor('deliver', ({ envelope: { kind } }) => kind === Kind.DEVICE_EVENT)
    return { from: envelope.from, hint: JSON.parse(new TextDecoder().decode(envelope.payload)) as unknown }
  }
  t.deepEqual(await hint(device), {
    from: { user: Number(ann.user), device: 0 },
    hint: { identityChanged: { user: bob.user } },
  })
  const low = await Device.connect(server.url, renewed.token)
  t.deepEqual(await hint(low), {
    from: { user: Number(bob.user), device: 0 },
    hint: { keysLow: { opk: 0, pqOpk: 20 } },
  })
  device.close()
  low.close()
})
