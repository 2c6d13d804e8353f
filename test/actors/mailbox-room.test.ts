import { randomUUID } from 'node:crypto'
import test from 'ava'
import { Kind } from '../../proto/frames.ts'
import type { ErrorFrame, SendFrame } from '../../proto/frames.ts'
import { ROW_BYTES } from '../../src/shared/envelope.ts'
import { encodeClientFrames } from '../../proto/codec.ts'
import { TestClock } from '../helpers/clock.ts'
import { message, receipt } from '../helpers/device.ts'
import type { Device } from '../helpers/device.ts'
import { countRows, createAccount, withClient } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { startCore } from '../helpers/raw-core.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'
import type { TestNode } from '../helpers/raw-nodes.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const SHARE = 10
/** What is on its way to PostgreSQL while the rows are measured: one of those that are sent one by one. */
const ON_ITS_WAY = 1
const STEP = 4
const KIB = 1_024

const scope = new FileScope()
const clock = new TestClock()
let node: TestNode

test.before(async () => {
  const room = {
    senderEnvelopes: SHARE,
    strangerEnvelopes: 3,
    strangersEnvelopes: 5,
    senderReceiptBytes: 64 * KIB,
    stepEnvelopes: STEP,
  }
  node = (await startNodes(scope, 1, { clocks: [clock], config: { room } }))[0]!
})
test.after.always(() => scope.end())

/** Sends as a client does: what is refused because the node must look first comes again. */
async function offer(device: Device, make: () => SendFrame): Promise<ErrorFrame | undefined> {
  for (;;) {
    const frame = { ...make(), first: true }
    device.send(frame)
    const refusal = await answer(device, frame.id)
    if (refusal?.code !== 'OVERLOADED') return refusal
  }
}

async function answer(device: Device, id: string): Promise<ErrorFrame | undefined> {
  const find = () => [...device.all('accepted'), ...device.all('error')].find((frame) => frame.id === id)
  await waitUntil('a send is answered', () => find() !== undefined)
  const found = find()!
  return found.type === 'error' ? found : undefined
}

/** Sends messages until one is refused; resolves with how many were taken, and why the next one was not. */
async function fill(device: Device, to: RawDevice, name: string): Promise<[taken: number, refusal: ErrorFrame]> {
  for (let taken = 0; ; taken++) {
    const refusal = await offer(device, () => message(to, `${name} ${taken}`))
    if (refusal !== undefined) return [taken, refusal]
  }
}

/** As much as one sender may have in a mailbox; what is stored while the rows are measured may count twice for a moment. */
function isShare(taken: number): boolean {
  return taken >= SHARE - STEP && taken <= SHARE + ON_ITS_WAY
}

test.serial(
  'who floods a mailbox fills their share of it; others get ✓, it drains oldest first, and then takes more',
  async (t) => {
    const [flooder, friend, victim] = [await newDevice(node), await newDevice(node), await newDevice(node)]
    const [f, g] = [await connectTo(node, flooder), await connectTo(node, friend)]
    const [taken, refusal] = await fill(f, victim, 'flood')
    t.true(isShare(taken), `${taken} taken`)
    t.like(refusal, { code: 'MAILBOX_FULL', temporary: true })
    t.true(refusal.retryAfterMs >= 60_000)
    await g.say(victim, 'hello', { first: true })
    t.is(await countRows(node.databaseUrl, victim), taken + 1)
    const v = await connectTo(node, victim, { acks: true })
    await v.delivery('hello')
    t.deepEqual(v.bodies, [...Array.from({ length: taken }, (_, i) => `flood ${i}`), 'hello'])
    await waitUntil('the mailbox is empty', async () => (await countRows(node.databaseUrl, victim)) === 0)
    v.close()
    await waitUntil('the actor is gone', () => node.core.residents.find(victim.address) === undefined)
    clock.advance(10_000)
    t.is(await offer(f, () => message(victim, 'again')), undefined)
  },
)

test.serial('after a refusal for want of room later sends go back, until one says that it is the first', async (t) => {
  const [flooder, victim] = [await newDevice(node), await newDevice(node)]
  const f = await connectTo(node, flooder)
  await fill(f, victim, 'flood')
  const later = message(victim, 'later')
  f.send(later)
  t.is((await f.refused(later.id)).code, 'RESEND_FROM_FIRST')
})

test.serial('strangers have little room each and together; contacts have the rest', async (t) => {
  const [victim, friend] = [await newDevice(node), await newDevice(node)]
  await withClient(node.databaseUrl, (client) =>
    client.query('INSERT INTO contacts (user_id, contact) VALUES ($1, $2)', [victim.user, friend.user]),
  )
  const strangers = await Promise.all(Array.from({ length: 3 }, async () => connectTo(node, await newDevice(node))))
  const taken: number[] = []
  for (const stranger of strangers) taken.push((await fill(stranger, victim, 'spam'))[0])
  t.true(taken[0]! >= 3 && taken[0]! <= 3 + ON_ITS_WAY, `${taken[0]} taken`)
  const all = taken.reduce((sum, one) => sum + one, 0)
  t.true(all >= 5 && all <= 5 + 2 * ON_ITS_WAY, `${all} taken`)
  const f = await connectTo(node, friend)
  t.true(isShare((await fill(f, victim, 'hello'))[0]))
})

test.serial('a live device that acknowledges nothing is sent no more than its window and its room hold', async (t) => {
  const [flooder, victim] = [await newDevice(node), await newDevice(node)]
  const [f, v] = [await connectTo(node, flooder), await connectTo(node, victim)]
  const frames = Array.from({ length: 400 }, (_, i) => message(victim, `flood ${i}`, { first: i === 0 }))
  f.send(...frames)
  const refusals = (await Promise.all(frames.map(({ id }) => answer(f, id)))).filter((one) => one !== undefined)
  t.true(refusals.length > 0)
  const rows = await countRows(node.databaseUrl, victim)
  t.true(rows >= 256 && rows <= 256 + 4 * 4, `${rows} rows`)
  v.acks = true
  v.ack()
  await waitUntil('the mailbox is empty', async () => (await countRows(node.databaseUrl, victim)) === 0)
  clock.advance(10_000)
  const next = frames.findIndex(({ id }) => f.all('error').some((error) => error.id === id))
  t.is(await offer(f, () => message(victim, 'again')), undefined)
  await v.delivery('again')
  t.deepEqual(
    v.bodies.slice(0, next),
    frames.slice(0, next).map((_, i) => `flood ${i}`),
  )
})

test.serial(
  'one device that is full holds up none of the others: its copy expires at once, and the sender is told',
  async (t) => {
    const sender = await newDevice(node)
    const [phone, old] = await createAccount(node.databaseUrl, { devices: 2 })
    const s = await connectTo(node, sender, { acks: true })
    const p = await connectTo(node, phone!, { acks: true })
    const toBoth = (body: string) => {
      const { copies, ...frame } = message(phone!, body)
      return { ...frame, copies: [1, 2].map((device) => ({ ...copies[0]!, device })) }
    }
    const expired = () => s.all('deliver').find(({ envelope }) => envelope.kind === Kind.EXPIRED)?.envelope
    let sent = 0
    for (; expired() === undefined; sent++) {
      t.is(await offer(s, () => toBoth(`both ${sent}`)), undefined)
      await p.delivery(`both ${sent}`)
    }
    t.true(isShare(sent - 1), `${sent} sent`)
    t.is(expired()?.from.device, 2)
    t.is(await countRows(node.databaseUrl, old!), sent - 1)
    // Neither takes it: it is refused, and nothing is told to have expired.
    p.close()
    await waitUntil('the actor is gone', () => node.core.residents.find(phone!.address) === undefined)
    let refusal: ErrorFrame | undefined
    while (refusal === undefined) refusal = await offer(s, () => toBoth('away'))
    t.is(refusal.code, 'MAILBOX_FULL')
    t.true(isShare(await countRows(node.databaseUrl, phone!)))
    t.false(s.all('deliver').some(({ envelope }) => envelope.about.includes(refusal.id)))
  },
)

test.serial(
  'receipts of one sender fill no mailbox, and the word that something was delivered always finds room',
  async (t) => {
    const [reader, author] = [await newDevice(node), await newDevice(node)]
    const r = await connectTo(node, reader)
    const a = await connectTo(node, author)
    const { id } = await a.say(reader, 'hello', { first: true })
    await r.delivery('hello')
    a.close()
    await waitUntil('the actor is gone', () => node.core.residents.find(author.address) === undefined)
    const about = Array.from({ length: 500 }, () => randomUUID())
    let refusal: ErrorFrame | undefined
    let sent = 0
    for (; refusal === undefined && sent < 100; sent++) {
      refusal = await offer(r, () => receipt(author, Kind.READ, about))
    }
    t.is(refusal?.code, 'MAILBOX_FULL')
    t.true(sent <= 5, `${sent} sent`)
    // Messages of the same sender have their own room.
    t.is(await offer(r, () => message(author, 'still')), undefined)
    r.ack()
    await waitUntil('the row is gone', async () => (await countRows(node.databaseUrl, reader)) === 0)
    const back = await connectTo(node, author)
    await back.receipt(Kind.DELIVERED, id)
  },
)

test.serial('a row takes what it is counted for, and at most four times the bytes that were sent', async (t) => {
  const wide = await startCore(t)
  const [sender, recipient] = [await newDevice(wide), await newDevice(wide)]
  const s = await connectTo(wide, sender)
  const sizeOf = (rows: number) =>
    withClient(wide.databaseUrl, async (client) => {
      const { rows: found } = await client.query<{ count: number; size: number }>(
        `SELECT count(*)::int AS count, pg_total_relation_size('envelopes')::int AS size FROM envelopes`,
      )
      t.is(found[0]!.count, rows)
      return found[0]!.size
    })
  const COUNT = 1_000
  const many = (make: (i: number) => SendFrame) => Array.from({ length: COUNT }, (_, i) => make(i))
  /** The smallest that an encrypted message can be, and the smallest receipt. */
  const payload = new Uint8Array(60)
  const kinds = [
    { frames: many((i) => message(recipient, payload, { first: i === 0 })), counted: ROW_BYTES + 60 },
    { frames: many(() => receipt(recipient, Kind.READ, [randomUUID()])), counted: ROW_BYTES + 37 },
  ]
  let rows = 0
  let before = await sizeOf(rows)
  for (const { frames, counted } of kinds) {
    const sent = encodeClientFrames(frames).length
    s.send(...frames)
    rows += COUNT
    await waitUntil('all are accepted', () => s.all('accepted').length === rows)
    const after = await sizeOf(rows)
    const stored = after - before
    t.log(`${sent / COUNT} bytes sent, ${counted} counted, ${stored / COUNT} stored`)
    t.true(stored <= COUNT * counted, `${stored / COUNT} of ${counted}`)
    t.true(stored <= 4 * sent, `${stored} of ${sent}`)
    before = after
  }
})
