import test from 'ava'
import { Checker, isClean } from '../../../tools/replay/checker.ts'

const A = '1.1'
const B = '2.1'

function checkerWith(...ids: string[]): Checker {
  const checker = new Checker()
  for (const id of ids) {
    checker.sent({ id, from: A, to: 2, text: `text ${id}` })
    checker.receipt(A, id, 'accepted')
  }
  return checker
}

function show(checker: Checker, ...ids: string[]): void {
  for (const id of ids) {
    checker.shown(B, { id, from: A, text: `text ${id}` })
    checker.receipt(A, id, 'delivered')
  }
}

const devicesOf = (user: number): string[] => [`${user}.1`]

test('what was accepted, shown once and in order is clean', (t) => {
  const checker = checkerWith('a', 'b', 'c')
  show(checker, 'a', 'b', 'c')
  checker.receipt(A, 'c', 'read')
  t.true(isClean(checker.findings(devicesOf)))
  t.deepEqual(checker.progress(), { sent: 3, accepted: 3, delivered: 3, read: 1 })
})

test('what was shown with the text that was sent counts once, and nothing else does', (t) => {
  const checker = checkerWith('a', 'b')
  show(checker, 'a', 'a')
  checker.shown(B, { id: 'b', from: A, text: 'something else' })
  checker.shown('3.1', { id: 'b', from: A, text: 'text b' })
  t.is(checker.shownAsSent, 1)
})

test('a message that was accepted and not shown is lost', (t) => {
  const checker = checkerWith('a', 'b')
  show(checker, 'b')
  t.deepEqual(checker.findings(devicesOf).lost, ['a'])
})

test('a message must be shown on every device of the recipient', (t) => {
  const checker = checkerWith('a')
  show(checker, 'a')
  t.deepEqual(checker.findings(() => ['2.1', '2.2']).lost, ['a'])
})

test('a message that was never accepted is not lost but found', (t) => {
  const checker = new Checker()
  checker.sent({ id: 'a', from: A, to: 2, text: '' })
  const findings = checker.findings(devicesOf)
  t.deepEqual([findings.lost, findings.unaccepted], [[], ['a']])
})

test('a message shown twice is duplicated', (t) => {
  const checker = checkerWith('a', 'b')
  show(checker, 'a', 'b', 'a')
  const { duplicated, outOfOrder } = checker.findings(devicesOf)
  t.deepEqual([duplicated, outOfOrder], [['a'], ['a']])
})

test('a message shown after a later one of its sender is out of order, one of somebody else is not', (t) => {
  const checker = checkerWith('a', 'b')
  checker.sent({ id: 'x', from: '3.1', to: 2, text: 'x' })
  show(checker, 'b')
  checker.shown(B, { id: 'x', from: '3.1', text: 'x' })
  show(checker, 'a')
  t.deepEqual(checker.findings(devicesOf).outOfOrder, ['a'])
})

test('what nobody sent, what changed on the way and what went to the wrong user is found', (t) => {
  const checker = checkerWith('a', 'b')
  checker.shown(B, { id: 'z', from: A, text: '' })
  checker.shown(B, { id: 'a', from: A, text: 'changed' })
  checker.shown('3.1', { id: 'b', from: A, text: 'text b' })
  t.deepEqual(checker.findings(devicesOf).unsent, ['z', 'a', 'b'])
})

test('a shown message without ✓✓ is found', (t) => {
  const checker = checkerWith('a')
  checker.shown(B, { id: 'a', from: A, text: 'text a' })
  t.deepEqual(checker.findings(devicesOf).undelivered, ['a'])
})

test('what was read without the sender being told is found', (t) => {
  const checker = checkerWith('a', 'b', 'c')
  show(checker, 'a', 'b', 'c')
  for (const id of ['a', 'b']) checker.seen({ id, from: A })
  checker.receipt(A, 'a', 'read')
  t.deepEqual(checker.findings(devicesOf).unread, ['b'])
})

test('a client that stopped for good is found', (t) => {
  const checker = checkerWith()
  checker.stopped(B)
  const findings = checker.findings(devicesOf)
  t.deepEqual(findings.stopped, [B])
  t.false(isClean(findings))
})

test('a message is described by its id, from whom to whom it goes, and when it got ✓', (t) => {
  const checker = new Checker(() => 1_800_000_000_000)
  checker.sent({ id: 'a', from: A, to: 2, text: '' })
  t.is(checker.describe('a'), 'a from 1.1 to 2, no ✓')
  checker.receipt(A, 'a', 'accepted')
  t.is(checker.describe('a'), 'a from 1.1 to 2, ✓ at 2027-01-15T08:00:00.000Z')
  t.is(checker.describe('unknown'), 'unknown')
})

test('a receipt that moves back is found', (t) => {
  const checker = checkerWith('a')
  show(checker, 'a')
  checker.receipt(A, 'a', 'read')
  checker.receipt(A, 'a', 'delivered')
  const findings = checker.findings(devicesOf)
  t.deepEqual(findings.movedBack, ['a'])
  t.false(isClean(findings))
})
