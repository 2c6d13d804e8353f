import test from 'ava'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import { lastSeenChoices } from '../../src/storage/privacy.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { Device } from '../helpers/device.ts'
import { call, register } from '../helpers/http.ts'
import type { TestAccount } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import type { TestServer } from '../helpers/server.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const scope = new FileScope()
let one: TestServer
let two: TestServer

test.before(async () => {
  const databaseUrl = await createTestDatabase(scope)
  const overrides = { hub: new LocalBusHub() }
  const config = { overload: { eventLoopDelayMs: { connections: 60_000, sends: 60_000 } } }
  one = await startNode(scope, { databaseUrl, overrides, config })
  two = await startNode(scope, { databaseUrl, overrides, config })
})
test.after.always(() => scope.end())

const connect = (node: TestServer, { token }: TestAccount) => Device.connect(node.url, token)

/** Through one node; what follows from it must show on the other as well. */
async function choose(node: TestServer, { token }: TestAccount, lastSeen: string): Promise<void> {
  const answer = await call(`${node.url}/v1/me`, { method: 'PATCH', token, body: { lastSeen } })
  if (answer.body['lastSeen'] !== lastSeen) throw new Error(`Not chosen: ${JSON.stringify(answer.body)}`)
}

async function know(node: TestServer, { token }: TestAccount, contacts: readonly TestAccount[]): Promise<void> {
  const users = contacts.map(({ user }) => user)
  const answer = await call(`${node.url}/v1/contacts`, { method: 'PUT', token, body: { users } })
  if (answer.status !== 204) throw new Error(`Not taken: ${answer.status}`)
}

const told = (device: Device, { user }: TestAccount) =>
  device.all('presence').filter((frame) => frame.user === Number(user))

async function watch(watcher: Device, whom: TestAccount) {
  const before = told(watcher, whom).length
  watcher.send({ type: 'watch', users: [Number(whom.user)] })
  await waitUntil('the first word comes', () => told(watcher, whom).length > before)
  return told(watcher, whom).at(-1)!
}

const until = (watcher: Device, whom: TestAccount, online: boolean) =>
  waitUntil(`it is ${online}`, () => told(watcher, whom).at(-1)?.online === online)

test('who may see whom: both choices count, and the contacts of each', async (t) => {
  const [ann, bob, zoe] = [await register(one), await register(one), await register(one)]
  const [a] = [await connect(one, ann), await connect(two, bob)]
  for (const shown of lastSeenChoices) {
    for (const back of lastSeenChoices) {
      for (const [bobKnowsAnn, annKnowsBob] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        await choose(two, bob, shown)
        await choose(one, ann, back)
        await know(one, bob, bobKnowsAnn ? [zoe, ann] : [zoe])
        await know(two, ann, annKnowsBob ? [bob, zoe] : [])
        const bobShows = shown === 'everyone' || (shown === 'contacts' && bobKnowsAnn)
        const annShows = back === 'everyone' || (back === 'contacts' && annKnowsBob)
        const { online, lastSeen } = await watch(a, bob)
        t.is(online, bobShows && annShows, `${shown} ${back} ${bobKnowsAnn} ${annKnowsBob}`)
        t.is(lastSeen, 0)
        a.send({ type: 'unwatch', users: [Number(bob.user)] })
      }
    }
  }
})

test('who hides is never heard of again by those who watch, until they show themselves', async (t) => {
  const [ann, bob, carol] = [await register(one), await register(one), await register(one)]
  const a = await connect(one, ann)
  const c = await connect(two, carol)
  let b = await connect(two, bob)
  t.true((await watch(a, bob)).online)
  t.true((await watch(c, bob)).online)
  await choose(two, bob, 'nobody')
  await until(a, bob, false)
  await until(c, bob, false)
  t.is(told(a, bob).at(-1)!.lastSeen, 0)
  b.close()
  await b.closing()
  b = await connect(one, bob)
  b.close()
  await b.closing()
  b = await connect(two, bob)
  await a.settled()
  await c.settled()
  t.deepEqual([told(a, bob).length, told(c, bob).length], [2, 2])
  const late = await connect(one, await register(one))
  t.deepEqual(await watch(late, bob), { type: 'presence', user: Number(bob.user), online: false, lastSeen: 0 })
  b.close()
  await b.closing()
  await choose(one, bob, 'everyone')
  await waitUntil('the time of leaving is shown', () => (told(a, bob).at(-1)?.lastSeen ?? 0) > 0)
  await waitUntil('and to the other', () => (told(c, bob).at(-1)?.lastSeen ?? 0) > 0)
})

test('who hides sees nobody else either, in any session, at once', async (t) => {
  const [ann, bob] = [await register(one), await register(one)]
  const a = await connect(two, ann)
  const b = await connect(one, bob)
  t.true((await watch(a, bob)).online)
  await choose(one, ann, 'nobody')
  await until(a, bob, false)
  b.close()
  await b.closing()
  await connect(one, bob)
  await a.settled()
  t.is(told(a, bob).length, 2)
  await choose(one, ann, 'contacts')
  await know(one, ann, [bob])
  await until(a, bob, true)
  await know(one, ann, [])
  await until(a, bob, false)
  t.is(told(a, bob).at(-1)!.lastSeen, 0)
})

test('who is taken off the contacts sees no more', async (t) => {
  const [ann, bob] = [await register(one), await register(one)]
  await choose(one, bob, 'contacts')
  await know(one, bob, [ann])
  const a = await connect(one, ann)
  await connect(two, bob)
  t.true((await watch(a, bob)).online)
  await know(one, bob, [])
  await until(a, bob, false)
  await know(one, bob, [ann])
  await until(a, bob, true)
  t.deepEqual(
    told(a, bob).map(({ online }) => online),
    [true, false, true],
  )
})

test('everybody sees their own devices', async (t) => {
  const bob = await register(one)
  await choose(one, bob, 'nobody')
  const b = await connect(two, bob)
  t.true((await watch(b, bob)).online)
})

test('a number that nobody has looks like somebody who was never seen', async (t) => {
  const ann = await register(one)
  const nobody = { ...ann, user: '15559999999' }
  const a = await connect(one, ann)
  t.deepEqual(await watch(a, nobody), { type: 'presence', user: 15_559_999_999, online: false, lastSeen: 0 })
})
