import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { Kind } from '../../proto/frames.ts'
import { slotOf } from '../../src/storage/shards.ts'
import { SlotMove } from '../../src/storage/slot-move.ts'
import type { MoveStep } from '../../src/storage/slot-move.ts'
import { createTestDatabase } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'
import { connectFrame, Device, message, receipt } from '../helpers/device.ts'
import { call, register } from '../helpers/http.ts'
import type { TestAccount } from '../helpers/http.ts'
import { withClient } from '../helpers/raw-accounts.ts'
import { startServer } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'
import { openEnd, usersOfSlot } from '../helpers/slots.ts'
import { waitUntil } from '../helpers/wait-until.ts'

interface Opened {
  readonly server: TestServer
  readonly urls: readonly [string, string]
}

/** A node on two databases. */
async function open(t: Teardown): Promise<Opened> {
  const urls = [await createTestDatabase(t), await createTestDatabase(t)] as const
  return { server: await startServer(t, { env: { DATABASE_URLS: urls.join(',') } }), urls }
}

/** Somebody whose data is in the slot. */
function registerIn(server: TestServer, slot: number, more: Readonly<Record<string, unknown>> = {}) {
  return register(server, `+${usersOfSlot(slot, 1)[0]}`, more)
}

const to = ({ user }: TestAccount) => ({ user: Number(user) })

async function countRows(url: string, table: string): Promise<number> {
  return withClient(url, async (client) => (await client.query(`SELECT FROM ${table}`)).rowCount ?? 0)
}

test('people whose data is in different databases write to each other, and each leaves as if there were one', async (t) => {
  const { server, urls } = await open(t)
  const [alice, bob] = [await registerIn(server, 3), await registerIn(server, 1_000)]
  t.deepEqual([await countRows(urls[0], 'users'), await countRows(urls[1], 'users')], [1, 1])
  const a = await Device.connect(server.url, alice.token, { acks: true })
  // He is away: the row waits in his database.
  const offline = message(to(bob), 'while you were away', { first: true })
  a.send(offline)
  await a.accepted(offline.id)
  t.deepEqual([await countRows(urls[0], 'envelopes'), await countRows(urls[1], 'envelopes')], [0, 1])
  const b = await Device.connect(server.url, bob.token, { acks: true })
  await b.delivery('while you were away')
  await a.receipt(Kind.DELIVERED, offline.id)
  b.send(receipt(to(alice), Kind.READ, [offline.id]))
  await a.receipt(Kind.READ, offline.id)
  await b.say(to(alice), 'back', { first: true })
  await a.delivery('back')
  await waitUntil('no row is left', async () => {
    return (await countRows(urls[0], 'envelopes')) + (await countRows(urls[1], 'envelopes')) === 0
  })

  await a.say(to(bob), 'one more')
  b.close()
  t.is((await call(`${server.url}/v1/me`, { token: bob.token, method: 'DELETE' })).status, 204)
  t.is((await call(`${server.url}/v1/me`, { token: bob.token })).status, 401)
  t.deepEqual([await countRows(urls[0], 'users'), await countRows(urls[1], 'users')], [1, 0])
})

test('while a slot moves its users are told to come again, and then go on in the other database', async (t) => {
  const { server, urls } = await open(t)
  const [alice, bob, carol] = [
    await registerIn(server, 3),
    await registerIn(server, 4),
    await registerIn(server, 5, { hosted: true }),
  ]
  const a = await Device.connect(server.url, alice.token, { acks: true })
  const b = await Device.connect(server.url, bob.token)
  await a.say(to(bob), 'before', { first: true })
  await b.delivery('before')

  const late = await Device.open(server.url)
  const refused = message(to(bob), 'meanwhile')
  let answer: { status: number; headers: Headers } | undefined
  const step = async (one: MoveStep): Promise<void> => {
    if (one !== 'synced') return
    t.is(await b.closing(), CloseCode.DRAINING)
    late.send(connectFrame(bob.token))
    t.is((await late.waitFor('error')).code, 'UNAVAILABLE')
    t.is(await late.closing(), CloseCode.OVERLOADED)
    a.send(refused)
    t.true((await a.refused(refused.id)).temporary)
    answer = await call(`${server.url}/v1/me`, { token: carol.token })
  }
  const [source, target] = [await openEnd(t, urls[0]), await openEnd(t, urls[1])]
  const move = await SlotMove.open(source, target, { copied: () => {}, step })
  await move.run([4, 5])
  t.is(answer?.status, 503)
  t.is(answer?.headers.get('retry-after'), '1')

  let again: Device | undefined
  await waitUntil('the device is back', async () => {
    again = await Device.open(server.url, { acks: true })
    again.send(connectFrame(bob.token))
    return again.connected().then(
      () => true,
      () => false,
    )
  })
  t.is((await again!.delivery('before')).seq, 1)
  await a.say(to(bob), 'after', { first: true })
  await again!.delivery('after')
  t.is((await call(`${server.url}/v1/me`, { token: carol.token })).status, 200)
  t.is(a.closed, undefined, 'others stay')
  await move.clear([4, 5], 60_000)
  t.deepEqual([await countRows(urls[0], 'users'), await countRows(urls[1], 'users')], [1, 2])
  await a.say(to(bob), 'last')
  await again!.delivery('last')
  t.is(slotOf(Number(bob.user) as never), 4)
})

test('a device list that was asked for while its slot moved is asked for again', async (t) => {
  const { server, urls } = await open(t)
  const [alice, bob] = [await registerIn(server, 3), await registerIn(server, 4)]
  const a = await Device.connect(server.url, alice.token, { acks: true })
  const [source, target] = [await openEnd(t, urls[0]), await openEnd(t, urls[1])]
  const asked = message(to(bob), 'who are you', { first: true })
  const move = await SlotMove.open(source, target, {
    copied: () => {},
    step: async (one) => {
      if (one !== 'away') return
      a.send(asked)
      t.true((await a.refused(asked.id)).temporary)
    },
  })
  await move.run([4])
  let accepted = false
  await waitUntil('the message is accepted', async () => {
    const frame = message(to(bob), 'who are you', { first: true })
    a.send(frame)
    await waitUntil('it is answered', () => {
      accepted = a.all('accepted').some(({ id }) => id === frame.id)
      return accepted || a.all('error').some(({ id }) => id === frame.id)
    })
    return accepted
  })
  t.true(accepted)
})
