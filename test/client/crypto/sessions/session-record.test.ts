import test from 'ava'
import { MAX_SKIPPED } from '../../../../client/crypto/wire/session-state.ts'
import { canSend, needsBundle, sealFor } from '../../../../client/crypto/sessions/send.ts'
import {
  decodeSessionRecord,
  EMPTY_RECORD,
  encodeSessionRecord,
  purgeRecord,
  states,
} from '../../../../client/crypto/sessions/session-record.ts'
import { ascii } from '../helpers/bytes.ts'
import type { Endpoint } from '../helpers/endpoint.ts'
import { twoEndpoints } from '../helpers/endpoint.ts'
import { NOW } from '../helpers/people.ts'
import { refusal } from '../helpers/refusal.ts'

const DAY_MS = 24 * 3_600_000

/** Without looking whether a new session is due. */
function seal(from: Endpoint, to: Endpoint, text: string): Uint8Array {
  const { record, payload } = sealFor(from.recordOf(to), ascii(text), from.own.list)
  from.save(to, record)
  return payload
}

async function acquainted(): Promise<[Endpoint, Endpoint]> {
  const [alice, bob] = await twoEndpoints()
  bob.read(alice, alice.send(bob, 'hello'))
  alice.read(bob, bob.send(alice, 'hello to you'))
  return [alice, bob]
}

test('without a session there is nothing to send on', (t) => {
  t.false(canSend(EMPTY_RECORD, NOW))
  t.true(needsBundle(EMPTY_RECORD, NOW))
  t.is(
    refusal(() => sealFor(EMPTY_RECORD, ascii('x'), { epoch: 1, hash: new Uint8Array(32) })),
    'NO_SESSION',
  )
})

test('a session that nobody answers serves for thirty days', async (t) => {
  const [alice, bob] = await twoEndpoints()
  alice.send(bob, 'hello')
  const record = alice.recordOf(bob)
  t.false(needsBundle(record, NOW + 30 * DAY_MS))
  t.true(needsBundle(record, NOW + 30 * DAY_MS + 1))
  t.false(canSend(record, NOW + 30 * DAY_MS + 1))
})

test('the side with the lower address renews a session after seven days, the other after fourteen', async (t) => {
  const [alice, bob] = await acquainted()
  for (const [end, peer, days] of [
    [alice, bob, 7],
    [bob, alice, 14],
  ] as const) {
    const record = end.recordOf(peer)
    t.false(needsBundle(record, NOW + days * DAY_MS - 1))
    t.true(needsBundle(record, NOW + days * DAY_MS))
    t.true(canSend(record, NOW + days * DAY_MS), 'and can send until then')
  }
})

test('the side with the lower address renews a session after a thousand messages, the other after two thousand', async (t) => {
  const [alice, bob] = await acquainted()
  for (let count = 2; count < 2_000; count++) {
    t.is(needsBundle(alice.recordOf(bob), NOW), count >= 1_000)
    t.false(needsBundle(bob.recordOf(alice), NOW))
    bob.read(alice, seal(alice, bob, 'x'))
  }
  t.true(needsBundle(bob.recordOf(alice), NOW))
})

test('who gets two hundred messages without sending any is told to answer, once for so many', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const first = bob.open(alice, alice.send(bob, 'hello'))
  t.true(first.acknowledge, 'the first message of a session')
  for (let count = 2; count <= 401; count++)
    t.is(bob.open(alice, seal(alice, bob, 'x')).acknowledge, count % 200 === 0, `message ${count}`)
  bob.send(alice, 'here I am')
  t.false(bob.open(alice, seal(alice, bob, 'x')).acknowledge)
})

test('five archived sessions stay, and go thirty-five days after they stopped being current', async (t) => {
  const [alice, bob] = await acquainted()
  for (let day = 1; day <= 8; day++) {
    alice.nowMs = NOW + day * DAY_MS
    alice.start(bob)
  }
  const record = alice.recordOf(bob)
  t.deepEqual(
    states(record).map(({ createdMs }) => (createdMs - NOW) / DAY_MS),
    [8, 7, 6, 5, 4, 3],
  )
  t.is(purgeRecord(record, NOW + 39 * DAY_MS), record)
  t.is(states(purgeRecord(record, NOW + 39 * DAY_MS + 1)).length, 5, 'the one of day 3 stopped on day 4')
  t.is(states(purgeRecord(record, NOW + 400 * DAY_MS)).length, 1)
  t.is(purgeRecord(record, NOW + 400 * DAY_MS).generation, 9)
})

test('a first message of a lower generation is opened, and moves nothing', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const late = alice.send(bob, 'late')
  alice.start(bob)
  bob.read(alice, alice.send(bob, 'newer'))
  const [before] = states(bob.recordOf(alice))
  t.is(bob.read(alice, late), 'late')
  const [current, archived] = states(bob.recordOf(alice))
  t.deepEqual(current, before)
  t.true(archived?.closed)
  t.is(archived?.ratchet.sendingKey, undefined)
})

test('a generation goes up by 65,536 at most', async (t) => {
  const [alice, bob] = await acquainted()
  const record = alice.recordOf(bob)
  for (const [generation, code] of [
    [65_537, 'MALFORMED'],
    [65_536, undefined],
  ] as const) {
    alice.save(bob, { ...record, generation })
    alice.start(bob)
    const payload = seal(alice, bob, 'far')
    t.is(
      refusal(() => bob.open(alice, payload)),
      code,
    )
  }
  t.is(bob.recordOf(alice).generation, 65_537)
})

test('a record with all it may hold stays below its limit, and reads back as it was', async (t) => {
  const [alice, bob] = await acquainted()
  for (let i = 0; i < 7; i++) {
    bob.read(alice, seal(alice, bob, 'x'))
    alice.read(bob, seal(bob, alice, 'y'))
  }
  for (let i = 0; i < 3; i++) {
    for (let n = 0; n < 1_500; n++) seal(alice, bob, 'lost')
    bob.read(alice, seal(alice, bob, 'after a gap'))
  }
  const [state] = states(bob.recordOf(alice))
  t.is(state?.ratchet.skipped.length, 76 * MAX_SKIPPED)
  t.is(state?.ratchet.consumed.length, 5)
  const bytes = encodeSessionRecord(bob.recordOf(alice))
  t.true(bytes.length <= 78_138 + 11)
  t.deepEqual(encodeSessionRecord(decodeSessionRecord(bytes)), bytes)
  const month = purgeRecord(bob.recordOf(alice), NOW + 30 * DAY_MS)
  t.is(states(month)[0]?.ratchet.skipped.length, 0)
  t.deepEqual(encodeSessionRecord(bob.recordOf(alice)), bytes, 'until it is purged all stays')
})
