import test from 'ava'
import { Kind } from '../../proto/frames.ts'
import { envelopeBytes } from '../../src/shared/envelope.ts'
import { JournalBuffer } from '../../src/storage/journal-buffer.ts'
import type { JournalLimits } from '../../src/storage/journal-buffer.ts'
import type { AppendListener, DeleteListener } from '../../src/storage/journal-op.ts'
import { addressOf, envelopeTo, idOf } from '../helpers/raw-envelope.ts'

const BOB = addressOf(15_550_000_002)
const LIMITS: JournalLimits = { bufferBytes: 10_000, receiptDelayMs: 1_000, deleteDelayMs: 25 }

/** Keeps what it is told. */
class Told implements AppendListener<string>, DeleteListener<string> {
  readonly all: string[] = []

  appended(item: string): void {
    this.all.push(`+${item}`)
  }

  notAppended(item: string): void {
    this.all.push(`-${item}`)
  }

  deleted(item: string): void {
    this.all.push(`x${item}`)
  }
}

const rows = (count: number) => ({ rows: count, bytes: Infinity })
const message = () => envelopeTo(BOB)
const receipt = () => envelopeTo(BOB, { kind: Kind.READ, payload: new Uint8Array(0) })

test('an empty buffer is never due', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  t.is(buffer.dueAt(), undefined)
  t.deepEqual(buffer.take(0, rows(10)), { appends: [], deletes: [], barriers: [] })
})

test('messages are due at once, deletes a little later, receipts last', (t) => {
  const told = new Told()
  const [messages, deletes, receipts] = [
    new JournalBuffer(LIMITS),
    new JournalBuffer(LIMITS),
    new JournalBuffer(LIMITS),
  ]
  messages.append(message(), 500, told, 'm')
  deletes.delete(BOB, idOf(1), 500, told, 'd')
  receipts.append(receipt(), 500, told, 'r')
  t.deepEqual([messages.dueAt(), deletes.dueAt(), receipts.dueAt()], [500, 525, 1_500])
  receipts.delete(BOB, idOf(1), 500, told, 'd')
  t.is(receipts.dueAt(), 525)
  receipts.append(message(), 510, told, 'm')
  t.is(receipts.dueAt(), 510)
})

test('a flush takes messages and deletes in order, and of the receipts those whose time has come', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  const [early, late, first, second] = [receipt(), receipt(), message(), message()]
  buffer.append(early, 0, told, 'early')
  buffer.append(late, 900, told, 'late')
  buffer.append(first, 1_000, told, 'first')
  buffer.append(second, 1_001, told, 'second')
  buffer.delete(BOB, idOf(7), 1_001, told, 'seven')
  buffer.delete(BOB, idOf(8), 1_001, told, 'eight')
  const flush = buffer.take(1_002, rows(10))
  t.deepEqual(
    flush.appends.map(({ envelope }) => envelope),
    [first, second, early],
  )
  t.deepEqual(
    flush.deletes.map(({ messageId }) => messageId),
    [idOf(7), idOf(8)],
  )
  t.is(buffer.dueAt(), 1_900)
})

for (const [what, two] of [
  ['rows', rows(2)],
  ['bytes', { rows: 10, bytes: envelopeBytes(message()) + 1 }],
] as const) {
  test(`a flush takes no more ${what} than it may, and leaves the rest for the next one`, (t) => {
    const buffer = new JournalBuffer(LIMITS)
    const told = new Told()
    const envelopes = Array.from({ length: 5 }, message)
    for (const envelope of envelopes) buffer.append(envelope, 0, told, '')
    const taken = [buffer.take(0, two), buffer.take(0, two), buffer.take(0, two)]
    t.deepEqual(
      taken.flatMap(({ appends }) => appends.map(({ envelope }) => envelope)),
      envelopes,
    )
    t.deepEqual(
      taken.map(({ appends }) => appends.length),
      [2, 2, 1],
    )
  })
}

test('a row that is larger than a flush may be goes alone', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  for (const item of ['one', 'two']) buffer.append(message(), 0, told, item)
  t.deepEqual(
    [1, 2].map(() => buffer.take(0, { rows: 10, bytes: 1 }).appends.length),
    [1, 1],
  )
})

test('receipts whose time has come do not wait behind messages that fill every flush', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  const early = receipt()
  buffer.append(early, 0, told, 'early')
  for (let i = 0; i < 5; i++) buffer.append(message(), 1_000, told, 'm')
  t.true(buffer.take(1_001, rows(2)).appends.some(({ envelope }) => envelope === early))
})

test('who writes little does not wait behind all of those who write much, and each keeps the order', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  const from = (user: number) => envelopeTo(BOB, { from: addressOf(user) })
  const [one, two, three] = [15_550_000_005, 15_550_000_006, 15_550_000_007].map((user) => [
    from(user),
    from(user),
    from(user),
  ])
  const last = from(15_550_000_008)
  for (const envelope of [...one!, ...two!, ...three!, last]) buffer.append(envelope, 0, told, 'm')
  const half = { rows: 10, bytes: envelopeBytes(last) * 5 }
  const taken = [buffer.take(0, half), buffer.take(0, half)].map(({ appends }) =>
    appends.map(({ envelope }) => envelope),
  )
  t.deepEqual(taken[0], [one![0], two![0], three![0], last, one![1]])
  t.deepEqual(taken[1], [one![2], two![1], two![2], three![1], three![2]])
  t.is(buffer.dueAt(), undefined)
})

test('what is struck out is not written, not told, and makes room', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  const appends = [message(), receipt(), message()].map((envelope) => buffer.append(envelope, 0, told, envelope.id)!)
  t.true(buffer.strike(appends[0]!))
  t.true(buffer.strike(appends[1]!))
  t.false(buffer.strike(appends[0]!))
  t.is(buffer.bytes, envelopeBytes(appends[2]!.envelope))
  t.deepEqual(buffer.take(5_000, rows(10)).appends, [appends[2]!])
  t.deepEqual(told.all, [])
  t.is(buffer.dueAt(), undefined)
})

test('what is being written, or was, cannot be struck out', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  const append = buffer.append(message(), 0, told, 'm')!
  buffer.take(0, rows(10))
  t.false(buffer.strike(append))
  buffer.settle(append, 'appended')
  t.false(buffer.strike(append))
  t.deepEqual(told.all, ['+m'])
})

test('the buffer is bounded in bytes, those being written among them', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  const large = () => envelopeTo(BOB, { payload: new Uint8Array(4_000) })
  const first = buffer.append(large(), 0, told, 'first')
  t.truthy(first)
  t.truthy(buffer.append(large(), 0, told, 'second'))
  t.is(buffer.append(large(), 0, told, 'third'), undefined)
  const { appends } = buffer.take(0, rows(1))
  t.is(buffer.append(large(), 0, told, 'third'), undefined)
  buffer.settle(appends[0]!, 'appended')
  t.truthy(buffer.append(large(), 0, told, 'third'))
  t.deepEqual(told.all, ['+first'])
})

test('a receipt that nobody can acknowledge meanwhile goes with the messages', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const append = buffer.append(receipt(), 500, new Told(), 'r', true)!
  t.is(buffer.dueAt(), 500)
  t.true(buffer.strike(append))
  t.is(buffer.dueAt(), undefined)
})

test('a barrier hurries everything, whatever the limit, and goes with it', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  buffer.append(receipt(), 100, told, '')
  buffer.append(receipt(), 100, told, '')
  buffer.delete(BOB, idOf(1), 100, told, '')
  buffer.barrier(() => told.all.push('barrier'))
  t.is(buffer.dueAt(), 0)
  const flush = buffer.take(100, rows(1))
  t.deepEqual([flush.appends.length, flush.deletes.length, flush.barriers.length], [2, 1, 1])
  t.is(buffer.dueAt(), undefined)
})

test('giving up refuses all that waits, and nothing that is being written', (t) => {
  const buffer = new JournalBuffer(LIMITS)
  const told = new Told()
  buffer.append(message(), 0, told, 'written')
  buffer.take(0, rows(10))
  buffer.append(message(), 10, told, 'message')
  buffer.append(receipt(), 20, told, 'receipt')
  buffer.giveUp()
  t.deepEqual(told.all, ['-message', '-receipt'])
  t.is(buffer.dueAt(), undefined)
})

test('thousands that are struck out keep neither their memory nor the order of the others', (t) => {
  const buffer = new JournalBuffer({ ...LIMITS, bufferBytes: 100_000_000 })
  const told = new Told()
  const kept = []
  for (let i = 0; i < 5_000; i++) {
    const append = buffer.append(message(), i, told, String(i))!
    if (i % 100 === 0) kept.push(append)
    else buffer.strike(append)
  }
  t.is(buffer.dueAt(), 0)
  t.deepEqual(buffer.take(5_000, rows(10_000)).appends, kept)
  for (const append of kept) buffer.settle(append, 'appended')
  t.is(buffer.bytes, 0)
})
