import test from 'ava'
import * as fc from 'fast-check'
import { parseConfig } from '../../config/config.ts'
import { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import { rowBytes } from '../../src/shared/envelope.ts'
import type { UserId } from '../../src/shared/ids.ts'
import { MAX_SHARES, MailboxRoom } from '../../src/storage/mailbox-room.ts'
import type { RoomLimits, RoomMeasure } from '../../src/storage/mailbox-room.ts'
import { MailboxRooms } from '../../src/storage/mailbox-rooms.ts'
import { TestClock } from '../helpers/clock.ts'
import { addressOf, envelopeTo } from '../helpers/raw-envelope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const BOB = addressOf(15_550_000_002)
const HOUR = 3_600_000

const LIMITS: RoomLimits = {
  ...parseConfig().room,
  maxEnvelopes: 100,
  senderEnvelopes: 40,
  strangerEnvelopes: 10,
  strangersEnvelopes: 20,
  stepEnvelopes: 5,
}

function from(user: number, more: Partial<Envelope> = {}): Envelope {
  return envelopeTo(BOB, { from: addressOf(user), ...more })
}

/** The rows of a mailbox and what they amount to, when each is written at once. */
class Rows {
  rows: Envelope[] = []
  readonly strangers: ReadonlySet<number>

  constructor(strangers: readonly number[] = []) {
    this.strangers = new Set(strangers)
  }

  count(users?: ReadonlySet<number>): number {
    return this.rows.filter(({ from: { user } }) => users?.has(user) ?? true).length
  }

  measure(asked: readonly UserId[]): RoomMeasure {
    const users = [...new Set([...asked, ...this.rows.map((row) => row.from.user)])].slice(0, MAX_SHARES)
    const amountOf = (has: (user: number) => boolean) => {
      const rows = this.rows.filter((row) => has(row.from.user))
      return {
        envelopes: rows.length,
        bytes: rows.reduce((sum, row) => sum + rowBytes(row), 0),
        receiptBytes: 0,
      }
    }
    return {
      ...amountOf(() => true),
      strangers: amountOf((user) => this.strangers.has(user)),
      senders: users.map((user) => ({
        ...amountOf((one) => one === user),
        user,
        stranger: this.strangers.has(user),
      })),
    }
  }
}

let now = 0

/** What becomes of an envelope when every wish for a measurement is granted. */
function append(room: MailboxRoom, rows: Rows, envelope: Envelope): string {
  now += 20
  const verdict = room.admit(envelope, now)
  if (verdict === 'room') rows.rows.push(envelope)
  if (room.due) {
    room.measuring()
    room.measured(rows.measure(room.senders), now)
  }
  return verdict === 'unknown' ? append(room, rows, envelope) : verdict
}

/** How many of a sender are taken, one after the other. */
function fill(room: MailboxRoom, rows: Rows, user: number): number {
  let taken = 0
  while (append(room, rows, from(user)) === 'room') taken++
  return taken
}

test('a sender has a share, and never more than is left for everybody else', (t) => {
  const [room, rows] = [new MailboxRoom(LIMITS), new Rows()]
  t.deepEqual(
    Array.from({ length: 8 }, (_, user) => fill(room, rows, user + 1)),
    [40, 30, 15, 8, 4, 2, 1, 0],
  )
})

test('strangers have little each and together, and what they have is none of the others', (t) => {
  const [room, rows] = [new MailboxRoom(LIMITS), new Rows([1, 2, 3])]
  t.deepEqual(
    [1, 2, 3, 4].map((user) => fill(room, rows, user)),
    [10, 10, 0, 40],
  )
})

test('bytes count as envelopes do', (t) => {
  const limits = { ...LIMITS, senderBytes: 10_000, stepBytes: 3_000 }
  const [room, rows] = [new MailboxRoom(limits), new Rows()]
  const large = from(1, { payload: new Uint8Array(1_700) })
  for (let i = 0; i < 5; i++) t.is(append(room, rows, large), 'room')
  t.is(append(room, rows, large), 'full')
})

test('a full mailbox takes more as it drains, and what was delivered always finds room', (t) => {
  const [room, rows] = [new MailboxRoom(LIMITS), new Rows()]
  t.is(fill(room, rows, 1), 40)
  for (const kind of [Kind.DELIVERED, Kind.EXPIRED]) t.is(room.admit(from(1, { kind }), now), 'room')
  rows.rows.splice(0, 15)
  t.is(append(room, rows, from(1)), 'full', 'the last look at the rows is fresh')
  now += HOUR
  t.is(fill(room, rows, 1), 15)
})

test('receipts of clients have a budget of their own', (t) => {
  const room = new MailboxRoom({ ...LIMITS, senderReceiptBytes: 1_200 })
  const read = from(1, { kind: Kind.READ, about: ['a'.repeat(36)] })
  const verdicts = Array.from({ length: 5 }, () => room.admit(read, 0))
  t.deepEqual(verdicts, ['room', 'room', 'room', 'room', 'unknown'])
  t.is(room.admit(from(1), 0), 'room')
})

test('a large mailbox is measured seldom: when it has doubled, near its end, and not before it has rested', (t) => {
  const PLENTY = 1_000_000_000
  const room = new MailboxRoom({
    ...LIMITS,
    maxEnvelopes: 100_000,
    maxBytes: PLENTY,
    senderEnvelopes: PLENTY,
    strangerEnvelopes: PLENTY,
    strangersEnvelopes: PLENTY,
    stepEnvelopes: 500,
    stepBytes: PLENTY,
  })
  const nothing = new Rows().measure([])
  const add = (count: number, at: number) => {
    const verdicts = Array.from({ length: count }, (_, i) => room.admit(from((i % 30) + 1), at))
    t.true(verdicts.every((verdict) => verdict === 'room'))
  }
  room.measuring()
  room.measured({ ...nothing, envelopes: 10_000 }, 0)
  add(9_999, 2_000)
  t.false(room.due)
  add(1, 2_000)
  t.true(room.due)
  room.measuring()
  room.measured({ ...nothing, envelopes: 60_000 }, 2_000)
  add(9_999, 7_999)
  t.false(room.due)
  add(1, 7_999)
  t.false(room.due, 'it rests')
  add(1, 8_001)
  t.true(room.due)
})

test('while nobody measures no more than four steps are added', (t) => {
  const room = new MailboxRoom(LIMITS)
  let taken = 0
  for (let user = 1; room.admit(from(user), 0) === 'room'; user++) taken++
  t.is(taken, 4 * LIMITS.stepEnvelopes)
  t.true(room.due)
  t.true(room.shares <= MAX_SHARES)
})

test('whatever comes, goes and is measured when, no bound is passed by more than four steps', (t) => {
  t.notThrows(checkBounds)
})

function checkBounds(): void {
  const op = fc.oneof(
    fc.record({ type: fc.constant('append' as const), user: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant('delete' as const), count: fc.integer({ min: 1, max: 10 }) }),
    fc.constant({ type: 'read' as const }),
    fc.constant({ type: 'answer' as const }),
  )
  const strangers = [4, 5, 6]
  const limits = { ...LIMITS, maxEnvelopes: 30, senderEnvelopes: 10, strangerEnvelopes: 4, strangersEnvelopes: 6 }
  const slack = 4 * limits.stepEnvelopes
  fc.assert(
    fc.property(fc.array(op, { minLength: 50, maxLength: 400, size: 'max' }), (ops) => {
      const [room, rows] = [new MailboxRoom(limits), new Rows(strangers)]
      let answer: RoomMeasure | undefined
      let time = 0
      for (const one of ops) {
        time += 500
        if (one.type === 'append') {
          const envelope = from(one.user)
          if (room.admit(envelope, time) === 'room') rows.rows.push(envelope)
        } else if (one.type === 'delete') {
          rows.rows.splice(0, one.count)
        } else if (one.type === 'read' && room.due && answer === undefined) {
          room.measuring()
          answer = rows.measure(room.senders)
        } else if (one.type === 'answer' && answer !== undefined) {
          room.measured(answer, time)
          answer = undefined
        }
        if (rows.count() > limits.maxEnvelopes + slack) return false
        if (rows.count(new Set(strangers)) > limits.strangersEnvelopes + slack) return false
        for (let user = 1; user <= 6; user++) {
          if (rows.count(new Set([user])) > limits.senderEnvelopes + slack) return false
        }
      }
      return true
    }),
    { numRuns: 200 },
  )
}

test('a node remembers some mailboxes, measures them together, and those that come back first thing', async (t) => {
  const measured: number[] = []
  const rooms = new MailboxRooms({
    limits: LIMITS,
    clock: new TestClock(),
    measure: (queries) => {
      measured.push(...queries.map(({ to }) => to.user))
      return Promise.resolve(queries.map(({ senders }) => new Rows().measure(senders)))
    },
    onFailure: (error) => t.fail(String(error)),
  })
  const to = (user: number) => ({ ...from(1), to: addressOf(user) })
  for (let user = 1; user <= 50_000; user++) rooms.whyNoRoom(to(user))
  await new Promise(setImmediate)
  t.deepEqual(measured, [])
  for (const user of [50_001, 1, 50_002]) rooms.whyNoRoom(to(user))
  await waitUntil('the new ones are measured', () => measured.length === 3)
  t.deepEqual(measured, [50_001, 1, 50_002])
  rooms.close()
})

test('when rows cannot be read, what comes is refused for now, and they are asked for again', async (t) => {
  let failures = 0
  const rooms = new MailboxRooms({
    limits: LIMITS,
    clock: new TestClock(),
    measure: () => Promise.reject(new Error('PostgreSQL is away')),
    onFailure: () => void failures++,
  })
  const verdicts = new Set<string | undefined>()
  for (let i = 0; i < 100; i++) verdicts.add(rooms.whyNoRoom(from(1)))
  t.deepEqual([...verdicts], [undefined, 'refused'])
  await waitUntil('it has failed', () => failures === 1)
  t.is(rooms.whyNoRoom(from(1)), 'refused')
  await waitUntil('it has failed again', () => failures === 2)
  t.is(rooms.full, 0)
})
