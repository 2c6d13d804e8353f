import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { encodeBase64 } from '../../proto/base64.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { Kind } from '../../proto/frames.ts'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import type { Problem } from '../../src/api/problem.ts'
import { Device, message } from '../helpers/device.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import type { TestAccount } from '../helpers/http.ts'
import { damaged, TestAccountKeys } from '../helpers/keys.ts'
import type { TestDeviceKeys } from '../helpers/keys.ts'
import { withClient } from '../helpers/raw-accounts.ts'
import { shareServer, startServer } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'

const shared = shareServer(test)

type Listed = { list: string; certs: string[] }

interface Person extends TestAccount {
  readonly keys: TestAccountKeys
}

async function registerWithKeys(server: TestServer): Promise<Person> {
  const phone = newPhone()
  const keys = await TestAccountKeys.create(phone.slice(1))
  return { ...(await register(server, phone, { keys: await keys.registration() })), keys }
}

const put = (server: TestServer, { token }: { readonly token: string }, body: object) =>
  call<Problem>(`${server.url}/v1/devices/list`, { method: 'PUT', token, body })

/** A companion, as linking leaves it: with a place, on the list, claimed. */
async function link(server: TestServer, person: Person): Promise<{ device: TestDeviceKeys; token: string }> {
  const { body } = await call<{ linkToken: string; device: number }>(`${server.url}/v1/devices/link/token`, {
    method: 'POST',
    token: person.token,
  })
  const device = await person.keys.addDevice(body.device)
  const stored = await put(server, person, await person.keys.signList())
  if (stored.status !== 204) throw new Error(JSON.stringify(stored.body))
  const claimed = await call<{ token: string }>(`${server.url}/v1/devices/link/claim`, {
    body: { linkToken: body.linkToken, cert: encodeBase64(device.cert), keys: await device.preKeys() },
  })
  if (claimed.status !== 201) throw new Error(JSON.stringify(claimed.body))
  return { device, token: claimed.body.token }
}

const copyFor = ({ device, registrationId }: TestDeviceKeys) => ({
  device,
  registrationId,
  payload: new TextEncoder().encode(`for ${device}`),
})

test('a chain of lists is put and read, one by one', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  for (let i = 0; i < 3; i++) {
    const stored = await put(server, bob, await bob.keys.signList())
    t.is(stored.status, 204, JSON.stringify(stored.body))
  }
  const read = async (query: string) =>
    (await call<Listed & { lists: string[] }>(`${server.url}/v1/devices/${bob.user}${query}`, { token: bob.token }))
      .body
  const lists = bob.keys.lists.map(encodeBase64)
  t.deepEqual((await read('')).lists, lists.slice(-1))
  t.deepEqual((await read('?since=0')).lists, lists)
  t.deepEqual((await read('?since=2')).lists, lists.slice(2))
  // The newest is always there: the chain may have begun anew.
  t.deepEqual((await read('?since=4')).lists, lists.slice(-1))
  t.deepEqual((await read('?since=99')).lists, lists.slice(-1))
  t.deepEqual((await read('?since=1')).certs, [encodeBase64(bob.keys.primary.cert)])
})

test('a list that is not the next, or not signed, is refused and changes nothing', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const refused = async (what: string, body: object, status: number, code: string) => {
    const answer = await put(server, bob, body)
    t.is(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`)
    t.is(answer.body.code as string, code, what)
    return answer.body
  }
  const next = await bob.keys.signList()
  await refused('damaged', { ...next, list: encodeBase64(damaged(bob.keys.tip)) }, 422, 'BAD_SIGNATURE')
  await bob.keys.signList()
  const gap = await refused('a gap', bob.keys.listBody(), 409, 'EPOCH_CONFLICT')
  t.deepEqual(gap.details, { list: encodeBase64(bob.keys.lists[0]!) })
  const other = await TestAccountKeys.create(bob.user)
  await other.signList()
  await refused('another key', other.listBody(), 403, 'FORBIDDEN')
  const forked = await TestAccountKeys.create(bob.user)
  Object.assign(forked, { account: bob.keys.account })
  await refused(
    'another certificate',
    { list: next.list, certs: [encodeBase64(forked.primary.cert)] },
    400,
    'BAD_REQUEST',
  )
  const cid = await registerWithKeys(server)
  await refused('of another user', await cid.keys.signList(), 400, 'BAD_REQUEST')
  bob.keys.now -= 61 * 60_000
  const early = (await bob.keys.signList()).list
  await refused('of another time', { list: early }, 422, 'CLOCK_SKEW')
  t.is((await put(server, bob, next)).status, 204)
  t.is((await put(server, bob, next)).status, 204, 'again')
})

test('of lists that are put at the same time one is taken', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const bodies: Listed[] = []
  for (let i = 0; i < 10; i++) {
    bob.keys.now += 1
    bodies.push(await bob.keys.signList())
    bob.keys.lists.pop()
  }
  const answers = await Promise.all(bodies.map((body) => put(server, bob, body)))
  const statuses = answers.map(({ status }) => status)
  t.is(statuses.filter((status) => status === 204).length, 1)
  t.is(statuses.filter((status) => status === 409).length, 9)
  const { body } = await call<{ lists: string[] }>(`${server.url}/v1/devices/${bob.user}`, { token: bob.token })
  t.deepEqual(body.lists, [bodies[statuses.indexOf(204)]!.list])
})

test('a linked device is written to from its claim on, and no more once the list leaves it out', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const ann = await Device.connect(server.url, (await register(server)).token)
  const primary = await Device.connect(server.url, bob.token)
  const say = (copies: ReturnType<typeof copyFor>[]) => {
    const frame = message({ user: Number(bob.user) }, '', { copies, first: true })
    ann.send(frame)
    return frame.id
  }
  const devicesOf = async (id: string) => {
    const { code, details } = await ann.refused(id)
    t.is(code, 'DEVICES_CHANGED')
    return details?.devices
  }
  await ann.accepted(say([copyFor(bob.keys.primary)]))
  const { device, token } = await link(server, bob)
  t.deepEqual(await devicesOf(say([copyFor(bob.keys.primary)])), { missing: [2], extra: [], stale: [] })
  const both = [bob.keys.primary, device].map(copyFor)
  t.deepEqual(await devicesOf(say([both[0]!, { ...both[1]!, registrationId: 1 }])), {
    missing: [],
    extra: [],
    stale: [2],
  })
  t.deepEqual(await devicesOf(say([both[0]!, { ...both[1]!, registrationId: 0 }])), {
    missing: [],
    extra: [],
    stale: [2],
  })
  await ann.accepted(say(both))
  const companion = await Device.connect(server.url, token)
  await companion.delivery('for 2')
  // Not acknowledged, so it is in its mailbox when the device is taken off the list.
  const waiting = say(both)
  await ann.accepted(waiting)
  bob.keys.dropDevice(2)
  t.is((await put(server, bob, await bob.keys.signList())).status, 204)
  t.is(await companion.closing(), CloseCode.DEVICE_REMOVED)
  await ann.receipt(Kind.EXPIRED, waiting)
  t.deepEqual(await devicesOf(say(both)), { missing: [], extra: [2], stale: [] })
  await ann.accepted(say(both.slice(0, 1)))
  t.is((await call(`${server.url}/v1/me`, { token })).status, 401)
  await withClient(server.databaseUrl, async (client) => {
    for (const table of ['devices', 'device_certs', 'signed_pre_keys', 'one_time_pre_keys', 'envelopes']) {
      const { rowCount } = await client.query(`SELECT FROM ${table} WHERE user_id = $1 AND device = 2`, [bob.user])
      t.is(rowCount, 0, table)
    }
  })
  const hints = () =>
    primary
      .all('deliver')
      .filter(({ envelope }) => envelope.kind === Kind.DEVICE_EVENT)
      .map(({ envelope }) => JSON.parse(new TextDecoder().decode(envelope.payload)) as { devicesChanged?: object })
      .filter(({ devicesChanged }) => devicesChanged !== undefined)
  t.like(hints()[0], { devicesChanged: { user: bob.user, epoch: 2 } })
  t.like(hints().at(-1), { devicesChanged: { user: bob.user, epoch: 3 } })
  ann.close()
  primary.close()
})

test('a removal that cannot be stored whole is not stored at all', async (t) => {
  const server = await startServer(t)
  const bob = await registerWithKeys(server)
  const { token } = await link(server, bob)
  await withClient(server.databaseUrl, async (client) => {
    await client.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON device_lists FOR EACH ROW EXECUTE FUNCTION refuse()`)
  })
  bob.keys.dropDevice(2)
  const next = await bob.keys.signList()
  t.is((await put(server, bob, next)).status, 500)
  t.is((await call(`${server.url}/v1/me`, { token })).status, 200)
  await withClient(server.databaseUrl, (client) => client.query('DROP TRIGGER refuse ON device_lists'))
  t.is((await put(server, bob, next)).status, 204)
  t.is((await call(`${server.url}/v1/me`, { token })).status, 401)
})

test('of an expired list the primary alone is written to, until there is a new one', async (t) => {
  const server = await startServer(t)
  const bob = await registerWithKeys(server)
  const { device } = await link(server, bob)
  await withClient(server.databaseUrl, (client) =>
    client.query('UPDATE device_lists SET expires_at = $1', [Date.now() - 1]),
  )
  const ann = await Device.connect(server.url, (await register(server)).token)
  const copies = [bob.keys.primary, device].map(copyFor)
  const both = message({ user: Number(bob.user) }, '', { copies, first: true })
  ann.send(both)
  t.deepEqual((await ann.refused(both.id)).details?.devices, { missing: [], extra: [2], stale: [] })
  const one = message({ user: Number(bob.user) }, '', { copies: copies.slice(0, 1), first: true })
  ann.send(one)
  await ann.accepted(one.id)
  // The next list makes it active again.
  t.is((await put(server, bob, await bob.keys.signList())).status, 204)
  const again = message({ user: Number(bob.user) }, '', { copies, first: true })
  ann.send(again)
  await ann.accepted(again.id)
  ann.close()
})

test('a companion logs itself out, the primary does not', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const { token } = await link(server, bob)
  const url = `${server.url}/v1/devices`
  const own = await call<{ devices: { device: number; registrationId: number }[] }>(url, { token })
  t.deepEqual(
    own.body.devices.map(({ device, registrationId }) => [device, registrationId]),
    bob.keys.devices.map(({ device, registrationId }) => [device, registrationId]),
  )
  t.is((await put(server, { token }, await bob.keys.signList())).body.code, 'FORBIDDEN')
  t.is((await call(`${url}/me`, { method: 'DELETE', token })).status, 204)
  t.is((await call(url, { token })).status, 401)
  const refused = await call<Problem>(`${url}/me`, { method: 'DELETE', token: bob.token })
  t.is(refused.body.code, 'FORBIDDEN')
  t.is((await call<{ devices: unknown[] }>(url, { token: bob.token })).body.devices.length, 1)
})

test('a restored primary goes on with its chain, and has no keys until it gives them', async (t) => {
  const server = shared()
  const bob = await registerWithKeys(server)
  const ann = await register(server)
  const again = { ...(await register(server, `+${bob.user}`)), keys: bob.keys }
  const take = () =>
    call<Problem>(`${server.url}/v1/keys/${bob.user}/take`, {
      token: ann.token,
      body: {},
      headers: { 'idempotency-key': randomUUID() },
    })
  t.is((await take()).body.code, 'NO_KEYS')
  bob.keys.dropDevice(1)
  const device = await bob.keys.addDevice(1)
  t.is((await put(server, again, await bob.keys.signList())).status, 204)
  t.is((await take()).body.code, 'NO_KEYS')
  const url = `${server.url}/v1/keys`
  const { opks, ...rest } = await device.preKeys()
  t.is((await call<Problem>(url, { method: 'PUT', token: again.token, body: { opks } })).body.code, 'BAD_REQUEST')
  t.is((await call(url, { method: 'PUT', token: again.token, body: { opks, ...rest } })).status, 204)
  t.is((await take()).status, 200)
})

test('an account from before encryption begins its chain when its primary gives a list', async (t) => {
  const server = shared()
  const bob = await register(server)
  const keys = await TestAccountKeys.create(bob.user)
  const second = await TestAccountKeys.create(bob.user)
  await second.signList()
  t.is((await put(server, bob, second.listBody())).body.code, 'EPOCH_CONFLICT')
  const hosted = await TestAccountKeys.create(bob.user, { hosted: true })
  t.is((await put(server, bob, hosted.listBody())).body.code, 'BAD_REQUEST')
  t.is((await put(server, bob, keys.listBody())).status, 204)
  const own = await call<{ devices: { registrationId: number }[] }>(`${server.url}/v1/devices`, { token: bob.token })
  t.is(own.body.devices[0]?.registrationId, keys.primary.registrationId)
})

/** Two nodes of one database, on one bus. */
async function startPair(t: ExecutionContext, hub = new LocalBusHub()): Promise<[TestServer, TestServer]> {
  const first = await startServer(t, { overrides: { hub } })
  const second = await startServer(t, { databaseUrl: first.databaseUrl, overrides: { hub } })
  return [first, second]
}

/** Loses what nodes tell each other of changes of devices. */
class ForgetfulHub extends LocalBusHub {
  override find(subject: string): ReturnType<LocalBusHub['find']> {
    return subject.startsWith('parley.control.') ? [] : super.find(subject)
  }
}

test('once a removal is answered nothing more reaches the device, whatever another node still believes', async (t) => {
  const [here, there] = await startPair(t, new ForgetfulHub())
  const bob = await registerWithKeys(here)
  const { device, token } = await link(here, bob)
  const companion = await Device.connect(there.url, token, { acks: true })
  await companion.caughtUp()
  const ann = await Device.connect(there.url, (await register(here)).token)
  const copies = [bob.keys.primary, device].map(copyFor)
  const send = () => {
    const frame = message({ user: Number(bob.user) }, '', { copies, first: true })
    ann.send(frame)
    return frame.id
  }
  await ann.accepted(send())
  await companion.delivery('for 2')
  bob.keys.dropDevice(2)
  t.is((await put(here, bob, await bob.keys.signList())).status, 204)
  // By the list that it knows this node takes a copy for the device all the same.
  const after = send()
  await ann.accepted(after)
  t.is(await companion.closing(), CloseCode.DEVICE_REMOVED)
  t.false(companion.all('deliver').some(({ envelope }) => envelope.id === after))
  await t.throwsAsync(Device.connect(there.url, token))
  await withClient(here.databaseUrl, async (client) => {
    const rows = await client.query('SELECT client_id FROM envelopes WHERE user_id = $1 AND device = 2', [bob.user])
    t.deepEqual(rows.rows, [{ client_id: after }])
  })
  ann.close()
})

test('another node learns of a new device, and a rendezvous is heard of across nodes', async (t) => {
  const [here, there] = await startPair(t)
  const bob = await registerWithKeys(here)
  const ann = await Device.connect(there.url, (await register(there, newPhone())).token)
  const first = message({ user: Number(bob.user) }, '', { copies: [copyFor(bob.keys.primary)], first: true })
  ann.send(first)
  await ann.accepted(first.id)
  await link(here, bob)
  const second = message({ user: Number(bob.user) }, '', { copies: [copyFor(bob.keys.primary)], first: true })
  ann.send(second)
  t.deepEqual((await ann.refused(second.id)).details?.devices?.missing, [2])
  ann.close()
  const { body } = await call<{ rendezvousId: string }>(`${here.url}/v1/devices/link`, { method: 'POST' })
  const path = `/v1/devices/link/${body.rendezvousId}`
  const waiting = call<{ messages: unknown[] }>(`${there.url}${path}`)
  const text = encodeBase64(Buffer.from('offer'))
  t.is((await call(`${here.url}${path}`, { body: { message: text } })).status, 201)
  t.deepEqual((await waiting).body, { messages: [{ number: 1, message: text }] })
})
