import test from 'ava'
import { Device, text } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { countRows, createAccount, newUser } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { UNLIMITED } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const scope = new FileScope()
let server: TestServer

test.before(async () => {
  server = await startNode(scope)
})
test.after.always(() => scope.end())

const account = async (): Promise<RawDevice> => (await createAccount(server.databaseUrl))[0]!
const connect = (who: RawDevice, options = {}) => Device.connect(server.url, who.token, options)
const signal = (to: { user: number }, device: number, payload: string) =>
  ({ type: 'signal', to: { user: to.user, device }, payload: text(payload) }) as const

test('a signal reaches all devices of a user, or the one it names, and nobody else', async (t) => {
  const [alice, carol] = [await account(), await account()]
  const [phone, laptop] = await createAccount(server.databaseUrl, { devices: 2 })
  const a = await connect(alice)
  const [b1, b2, c] = [await connect(phone!), await connect(laptop!), await connect(carol)]
  a.send(signal(phone!, 0, 'typing'), signal(phone!, 2, 'ring'))
  await waitUntil('the second device has both', () => b2.all('signal').length === 2)
  const heard = (device: Device) => device.all('signal').map(({ payload }) => Buffer.from(payload).toString())
  await b1.waitFor('signal')
  t.deepEqual(heard(b2).sort(), ['ring', 'typing'])
  t.deepEqual(b1.all('signal')[0]!.from, { user: alice.user, device: 1 })
  await b1.settled()
  await c.settled()
  t.deepEqual(heard(b1), ['typing'])
  t.deepEqual(heard(c), [])
  t.deepEqual(heard(a), [])
})

test("a signal to one's own user reaches the other devices, not the sending one", async (t) => {
  const [phone, laptop] = await createAccount(server.databaseUrl, { devices: 2 })
  const [a, b] = [await connect(phone!), await connect(laptop!)]
  a.send(signal(phone!, 0, 'draft'))
  await b.waitFor('signal')
  await a.settled()
  t.deepEqual(a.all('signal'), [])
})

test('a signal to somebody offline is dropped, and never comes later', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  a.send(signal(bob, 0, 'typing'), signal({ user: newUser() }, 0, 'typing'))
  await a.say(bob, 'a message')
  t.is(await countRows(server.databaseUrl, bob), 1)
  const b = await connect(bob)
  await b.caughtUp()
  t.deepEqual(b.bodies, ['a message'])
  t.deepEqual(b.all('signal'), [])
  t.deepEqual(a.all('error'), [])
})

test('a signal to no device, or with too large a payload, is an error and the session stays', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  a.send(signal({ user: 0 }, 0, 'x'), signal(bob, 9, 'x'), signal(bob, 1, 'x'.repeat(65_537)))
  await waitUntil('all three are refused', () => a.all('error').length === 3)
  t.deepEqual(
    a.all('error').map(({ code }) => code),
    ['BAD_REQUEST', 'BAD_REQUEST', 'TOO_LARGE'],
  )
  await a.settled()
  t.is(a.closed, undefined)
})

test('signals beyond the rate are refused with the time to wait', async (t) => {
  const limits = { ...(JSON.parse(UNLIMITED) as object), signal: { burst: 2, perSecond: 0.5 } }
  const limited = await startNode(t, { env: { LIMITS: JSON.stringify(limits) } })
  const [alice] = await createAccount(limited.databaseUrl)
  const [bob] = await createAccount(limited.databaseUrl)
  const a = await Device.connect(limited.url, alice!.token)
  const b = await Device.connect(limited.url, bob!.token)
  a.send(...[1, 2, 3].map((i) => signal(bob!, 1, String(i))))
  const error = await a.waitFor('error')
  t.like(error, { code: 'RATE_LIMITED', temporary: true })
  t.true(error.retryAfterMs > 0)
  await waitUntil('two pass', () => b.all('signal').length === 2)
})

test('a watcher is told how it is now and of every change, until it watches no more', async (t) => {
  const [alice, bob] = [await account(), await account()]
  const a = await connect(alice)
  a.send({ type: 'watch', users: [bob.user] })
  t.deepEqual(await a.waitFor('presence'), { type: 'presence', user: bob.user, online: false, lastSeen: 0 })
  const before = Date.now()
  const b = await connect(bob)
  await a.waitFor('presence', ({ online }) => online)
  b.close()
  await waitUntil('bob is offline', () => a.all('presence').at(-1)?.online === false && a.all('presence').length === 3)
  const { lastSeen } = a.all('presence').at(-1)!
  t.true(lastSeen >= before && lastSeen <= Date.now())
  a.send({ type: 'unwatch', users: [bob.user] })
  await a.settled()
  await connect(bob)
  await a.settled()
  t.is(a.all('presence').length, 3)
})

test('a user with two devices is online until the last of them goes', async (t) => {
  const alice = await account()
  const [phone, laptop] = await createAccount(server.databaseUrl, { devices: 2 })
  const a = await connect(alice)
  const [b1, b2] = [await connect(phone!), await connect(laptop!)]
  a.send({ type: 'watch', users: [phone!.user] })
  t.true((await a.waitFor('presence')).online)
  b1.close()
  await b1.closing()
  await b2.settled()
  b2.close()
  await a.waitFor('presence', ({ online }) => !online)
  t.is(a.all('presence').length, 2)
})

test('a session may watch so many users and no more', async (t) => {
  const small = await startNode(t, { config: { presence: { watchedUsers: 3 } } })
  const [alice] = await createAccount(small.databaseUrl)
  const a = await Device.connect(small.url, alice!.token)
  a.send({ type: 'watch', users: [1, 2, 3, 4].map((i) => 15_000_000_000 + i) })
  t.is((await a.waitFor('error')).code, 'TOO_LARGE')
  await waitUntil('the three are told', () => a.all('presence').length === 3)
  a.send({ type: 'unwatch', users: [15_000_000_001] }, { type: 'watch', users: [15_000_000_004, 15_000_000_004] })
  await a.waitFor('presence', ({ user }) => user === 15_000_000_004)
  a.send({ type: 'watch', users: [0] })
  await a.waitFor('error', ({ code }) => code === 'BAD_REQUEST')
  t.is(a.closed, undefined)
})
