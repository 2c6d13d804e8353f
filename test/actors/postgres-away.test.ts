import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { Kind } from '../../proto/frames.ts'
import { connectFrame, Device, message } from '../helpers/device.ts'
import { createTestDatabase } from '../helpers/database.ts'
import type { Teardown } from '../helpers/database.ts'
import { countRows, createAccount, withClient } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { startCore } from '../helpers/raw-core.ts'
import type { TestCore } from '../helpers/raw-core.ts'
import { MailboxLock } from '../helpers/raw-lock.ts'
import { connectTo } from '../helpers/raw-nodes.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { TestClock } from '../helpers/clock.ts'
import { waitUntil } from '../helpers/wait-until.ts'

interface Away {
  readonly node: TestCore
  /** Past the link. */
  readonly databaseUrl: string
  readonly link: TcpProxy
  readonly clock: TestClock
  readonly people: readonly RawDevice[]
}

/** A node whose way to PostgreSQL leads over a link that the test spoils. */
async function start(t: Teardown): Promise<Away> {
  const databaseUrl = await createTestDatabase(t)
  const url = new URL(databaseUrl)
  const folder = url.searchParams.get('host')
  const port = url.port === '' ? 5432 : Number(url.port)
  const target = folder === null ? { host: url.hostname, port } : { path: `${folder}/.s.PGSQL.${port}` }
  const link = await TcpProxy.open(target)
  t.teardown(() => link.close())
  url.search = ''
  url.host = `127.0.0.1:${link.port}`
  const clock = new TestClock()
  const node = await startCore(t, { databaseUrl: url.href, clock, config: { journal: { giveUpMs: 5_000 } } })
  const people: RawDevice[] = []
  for (let i = 0; i < 3; i++) people.push((await createAccount(databaseUrl))[0]!)
  return { node, databaseUrl, link, clock, people }
}

test('without PostgreSQL live messages go on, accepted by the acknowledgement; the rest is refused for now; then all flows', async (t) => {
  const { node, databaseUrl, link, clock, people } = await start(t)
  const [alice, bob, carol] = people as [RawDevice, RawDevice, RawDevice]
  const a = await connectTo(node, alice, { acks: true })
  const b = await connectTo(node, bob)
  for (const to of [bob, carol]) await a.say(to, 'before', { first: true })
  b.ack()
  link.sever()

  const live = message(bob, 'live')
  a.send(live)
  await b.delivery('live')
  await a.settled()
  t.deepEqual(
    a.all('accepted').filter(({ id }) => id === live.id),
    [],
  )
  b.ack()
  t.deepEqual((await a.accepted(live.id)).delivered, [1])

  const stored = message(carol, 'stored')
  a.send(stored)
  await waitUntil('a flush has failed', () => node.faults.length > 0)
  clock.advance(6_000)
  const refusal = await a.refused(stored.id)
  t.like(refusal, { code: 'OVERLOADED', temporary: true })

  const again = message(carol, 'refused at once', { first: true })
  a.send(again)
  t.true((await a.refused(again.id)).temporary)
  const still = message(bob, 'still live', { first: true })
  a.send(still)
  await b.delivery('still live')
  b.ack()
  t.deepEqual((await a.accepted(still.id)).delivered, [1])

  const stranger = await Device.open(node.url)
  stranger.send(connectFrame(carol.token))
  t.like(await stranger.waitFor('error'), { code: 'UNAVAILABLE', temporary: true })
  t.is(await stranger.closing(), CloseCode.OVERLOADED)

  link.mend()
  b.acks = true
  await waitUntil('PostgreSQL takes messages again', async () => (await node.messaging.checkJournals()).state === 'ok')
  await a.say(carol, 'stored', { id: stored.id, first: true })
  const c = await connectTo(node, carol, { acks: true })
  await c.caughtUp()
  t.deepEqual(c.bodies, ['before', 'stored'])
  await waitUntil('no row is left', async () => {
    const counts = await Promise.all(people.map((who) => countRows(databaseUrl, who)))
    return counts.every((count) => count === 0)
  })
  t.deepEqual(b.bodies, ['before', 'live', 'still live'])
})

test('a flush whose outcome is unknown is repeated, and both statements together store it once', async (t) => {
  const { node, databaseUrl, link, people } = await start(t)
  const [alice, bob] = people as [RawDevice, RawDevice]
  const a = await connectTo(node, alice, { acks: true })
  const lock = await MailboxLock.take(t, databaseUrl)
  const frame = message(bob, 'perhaps', { first: true })
  a.send(frame)
  await lock.blocks(1)
  link.cut()
  // The first statement goes on without its client; the second one waits behind the same lock.
  await lock.blocks(2)
  t.deepEqual(a.all('accepted'), [])
  await lock.release()
  const { messageId } = await a.accepted(frame.id)
  const b = await connectTo(node, bob, { acks: true })
  await b.caughtUp()
  t.deepEqual(
    b.all('deliver').map(({ envelope }) => envelope.messageId),
    [messageId],
  )
  await a.receipt(Kind.DELIVERED, frame.id)
  await waitUntil('the row is gone', async () => (await countRows(databaseUrl, bob)) === 0)
  t.false(node.faults.some((fault) => fault.startsWith('defect')))
})

test('an acknowledgement that comes while the outcome of the insert is unknown still ends with ✓✓ and no row', async (t) => {
  const { node, databaseUrl, link, people } = await start(t)
  const [alice, bob] = people as [RawDevice, RawDevice]
  const a = await connectTo(node, alice, { acks: true })
  const b = await connectTo(node, bob)
  await b.caughtUp()
  const lock = await MailboxLock.take(t, databaseUrl)
  const frame = message(bob, 'perhaps', { first: true })
  a.send(frame)
  await b.delivery('perhaps')
  await lock.blocks(1)
  link.cut()
  b.acks = true
  b.ack()
  t.deepEqual((await a.accepted(frame.id)).delivered, [1])
  await lock.release()
  await a.receipt(Kind.DELIVERED, frame.id)
  await waitUntil('no row is left', async () => {
    return (await countRows(databaseUrl, bob)) + (await countRows(databaseUrl, alice)) === 0
  })
  t.true(b.bodies.every((body) => body === 'perhaps'))
})

test('a database that takes no writes refuses at once, and is used again when it does', async (t) => {
  const { node, databaseUrl, link, clock, people } = await start(t)
  const [alice, bob] = people as [RawDevice, RawDevice]
  const a = await connectTo(node, alice)
  await a.say(bob, 'before', { first: true })
  const name = new URL(databaseUrl).pathname.slice(1)
  const setReadOnly = (value: string) =>
    withClient(databaseUrl, async (client) => {
      await client.query('SET default_transaction_read_only = off')
      await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = ${value}`)
    })
  await setReadOnly('on')
  link.cut()
  const refused = message(bob, 'read-only', { first: true })
  a.send(refused)
  t.like(await a.refused(refused.id), { code: 'OVERLOADED', temporary: true })
  clock.advance(10_000)
  await setReadOnly('off')
  link.cut()
  let tries = 0
  await waitUntil('a resend is accepted', async () => {
    tries++
    const frame = message(bob, `try ${tries}`, { first: true })
    a.send(frame)
    const answered = () => [...a.all('accepted'), ...a.all('error')].find(({ id }) => id === frame.id)
    await waitUntil('it is answered', () => answered() !== undefined)
    return answered()?.type === 'accepted'
  })
  const b = await connectTo(node, bob)
  await b.caughtUp()
  t.deepEqual(b.bodies, ['before', `try ${tries}`])
  t.is((await node.messaging.checkJournals()).state, 'ok')
})
