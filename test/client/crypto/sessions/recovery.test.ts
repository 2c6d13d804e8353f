import test from 'ava'
import fc from 'fast-check'
import { hex } from '../../../../client/crypto/bytes.ts'
import { readHeader } from '../../../../client/crypto/sessions/receive.ts'
import { closeUnreadable, needsBundle } from '../../../../client/crypto/sessions/send.ts'
import { findCurrent } from '../../../../client/crypto/sessions/session-record.ts'
import { flip } from '../helpers/bytes.ts'
import { Endpoint, twoEndpoints } from '../helpers/endpoint.ts'
import { makeDevice, makePerson } from '../helpers/people.ts'
import { refusal } from '../helpers/refusal.ts'

const people = [await makePerson(15_550_000_001), await makePerson(15_550_000_002)] as const
const MAX_TRIES = 5

/** The sender hears that a message under that key was not readable, and sends its text again. */
function sendAgain(from: Endpoint, to: Endpoint, text: string, failed: Uint8Array): Uint8Array {
  from.save(to, closeUnreadable(from.recordOf(to), readHeader(failed).ratchetKey))
  return from.send(to, text)
}

/** Sends until it is read. Returns how often it had to be sent. */
function sendUntilRead(from: Endpoint, to: Endpoint, text: string): number {
  let payload = from.send(to, text)
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    let read: string | undefined
    if (refusal(() => (read = to.read(from, payload))) === undefined && read === text) return tries
    payload = sendAgain(from, to, text, payload)
  }
  return Infinity
}

function current(end: Endpoint, peer: Endpoint): string {
  return hex(findCurrent(end.recordOf(peer))?.id ?? new Uint8Array())
}

/** All that a device stores, to put it back later. */
function snapshotOf(end: Endpoint): () => void {
  const maps = [end.records, end.oneTimePreKeys, end.kemOneTimePreKeys] as Map<unknown, unknown>[]
  const copies = maps.map((map) => new Map(map))
  return () => {
    for (const [i, map] of maps.entries()) {
      map.clear()
      for (const [key, value] of copies[i] ?? []) map.set(key, value)
    }
  }
}

test('a side that went back to an old state uses no key stream twice, and is heard again', async (t) => {
  const [alice, bob] = await twoEndpoints()
  t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
  t.is(alice.read(bob, bob.send(alice, 'hello to you')), 'hello to you')
  const restore = snapshotOf(alice)
  const texts = ['a first text', 'another text'] as const
  const before = alice.send(bob, texts[0])
  t.is(bob.read(alice, before), texts[0])
  restore()
  const after = alice.send(bob, texts[1])
  t.deepEqual(before.slice(0, 42), after.slice(0, 42), 'the same place in the same chain')
  t.notDeepEqual(before.slice(42, 66), after.slice(42, 66), 'another nonce')
  const [a, b] = [before.slice(86, -32), after.slice(86, -32)]
  const ciphers = a.map((byte, i) => byte ^ (b[i] as number)).slice(0, 12)
  const plains = Uint8Array.from(texts[0], (char, i) => char.charCodeAt(0) ^ texts[1].charCodeAt(i))
  t.notDeepEqual(ciphers, plains)
  t.is(
    refusal(() => bob.open(alice, after)),
    'DUPLICATE',
  )
  t.is(bob.read(alice, sendAgain(alice, bob, texts[1], after)), texts[1])
})

const loss = fc.record({
  side: fc.constantFrom(0 as const, 1 as const),
  /** Else it goes back to an earlier state. */
  wiped: fc.boolean(),
  before: fc.array(fc.boolean(), { maxLength: 6 }),
  between: fc.array(fc.boolean(), { maxLength: 6 }),
  after: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
})

test('a side that lost or rolled back its sessions is understood after few tries, and both agree again', (t) => {
  fc.assert(
    fc.property(fc.array(loss, { minLength: 1, maxLength: 3 }), (losses) => {
      const ends = [Endpoint.of(people[0]), Endpoint.of(people[1])] as const
      const talk = (turns: readonly boolean[]): void => {
        for (const byBob of turns) {
          const [from, to] = byBob ? [ends[1], ends[0]] : ends
          t.true(sendUntilRead(from, to, 'text') <= MAX_TRIES)
        }
      }
      for (const { side, wiped, before, between, after } of losses) {
        talk(before)
        const restore = snapshotOf(ends[side])
        talk(between)
        if (wiped) ends[side].records.clear()
        else restore()
        talk(after)
      }
      talk([false, true, false, true])
      t.is(current(...ends), current(ends[1], ends[0]))
    }),
    { numRuns: 25 },
  )
})

test('only the key of now closes a session', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const first = alice.send(bob, 'hello')
  t.is(bob.read(alice, first), 'hello')
  t.is(alice.read(bob, bob.send(alice, 'hello to you')), 'hello to you')
  const record = alice.recordOf(bob)
  t.is(closeUnreadable(record, readHeader(first).ratchetKey), record, 'an older key')
  t.is(closeUnreadable(record, new Uint8Array(32)), record)
  const payload = alice.send(bob, 'lost')
  const closed = closeUnreadable(alice.recordOf(bob), readHeader(payload).ratchetKey)
  t.true(needsBundle(closed, alice.nowMs))
  t.is(closeUnreadable(closed, readHeader(payload).ratchetKey), closed, 'once')
  alice.save(bob, closed)
  t.is(alice.read(bob, bob.send(alice, 'what still comes')), 'what still comes')
  t.is(bob.read(alice, alice.send(bob, 'on a new one')), 'on a new one')
  t.is(current(alice, bob), current(bob, alice))
})

test('a damaged session is passed over: those beside it work, and the next message starts a new one', async (t) => {
  const [alice, bob] = await twoEndpoints()
  t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
  t.is(alice.read(bob, bob.send(alice, 'hello to you')), 'hello to you')
  const held = alice.send(bob, 'held back')
  alice.start(bob)
  const fresh = alice.send(bob, 'on a new one')
  t.is(bob.read(alice, fresh), 'on a new one')
  const [key, bytes] = [...bob.records][0] as [string, Uint8Array]
  bob.records.set(key, flip(bytes, 8 * 200))
  t.is(findCurrent(bob.recordOf(alice)), undefined)
  t.is(bob.read(alice, held), 'held back')
  const next = alice.send(bob, 'not readable')
  t.is(
    refusal(() => bob.open(alice, next)),
    'UNKNOWN_PRE_KEY',
  )
  t.is(alice.read(bob, bob.send(alice, 'from a new one')), 'from a new one')
  t.is(current(alice, bob), current(bob, alice))
})

test('any damage of a record is a CORRUPT_STATE or costs single sessions, never anything else', async (t) => {
  const [alice, bob] = await twoEndpoints()
  t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
  const payload = alice.send(bob, 'next')
  const [key, bytes] = [...bob.records][0] as [string, Uint8Array]
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    bob.records.set(key, flip(bytes, bit))
    const code = refusal(() => bob.recordOf(alice))
    t.true(code === undefined || code === 'CORRUPT_STATE')
    if (code === undefined) refusal(() => bob.open(alice, payload))
  }
  bob.records.set(key, bytes)
  t.is(bob.read(alice, payload), 'next')
})

test('a device with new keys under an old address is another device', async (t) => {
  const [alice, bob] = await twoEndpoints()
  for (let i = 0; i < 3; i++) {
    alice.start(bob)
    t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
  }
  t.is(alice.read(bob, bob.send(alice, 'hello to you')), 'hello to you')
  const held = alice.send(bob, 'from the old keys')
  const account = (await makePerson(1)).account
  const device = await makeDevice(account, alice.device.address)
  const again = Endpoint.of({ ...(await makePerson(1)), devices: [device] })
  t.is(bob.read(again, again.send(bob, 'I am new')), 'I am new')
  t.is(bob.recordOf(again).generation, 1)
  t.is(again.read(bob, bob.send(again, 'welcome')), 'welcome')
  t.is(current(again, bob), current(bob, again))
  const opened = bob.open(alice, held)
  t.deepEqual(opened.sender.identity, alice.own.identity, 'whose keys they were is told')
  t.is(current(again, bob), current(bob, again))
  t.is(again.read(bob, bob.send(again, 'still to the new ones')), 'still to the new ones')
})
