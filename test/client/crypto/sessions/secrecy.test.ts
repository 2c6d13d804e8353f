import test from 'ava'
import fc from 'fast-check'
import { hex } from '../../../../client/crypto/bytes.ts'
import { messageKey } from '../../../../client/crypto/ratchet/chain.ts'
import { findCurrent, states } from '../../../../client/crypto/sessions/session-record.ts'
import { times } from '../../../helpers/long.ts'
import { Attacker } from '../helpers/attacker.ts'
import { Endpoint, twoEndpoints } from '../helpers/endpoint.ts'
import { makePerson } from '../helpers/people.ts'

const people = [await makePerson(15_550_000_001), await makePerson(15_550_000_002)] as const

/** Whatever a device's ratchets hold now, by where it stands. */
function keysOf(end: Endpoint, peer: Endpoint): string[] {
  return states(end.recordOf(peer)).flatMap(({ ratchet }) =>
    [ratchet.rootKey, ratchet.sendingKey, ratchet.receivingKey, ratchet.own.secretKey]
      .filter((key) => key !== undefined)
      .map(hex),
  )
}

const turns = fc.array(fc.record({ byBob: fc.boolean(), count: fc.integer({ min: 1, max: 4 }) }), { maxLength: 10 })

test('no root, chain, ratchet or message key is stored after it was used', (t) => {
  fc.assert(
    fc.property(turns, (script) => {
      const ends = [Endpoint.of(people[0]), Endpoint.of(people[1])] as const
      const used = new Set<string>()
      const note = (): void => {
        for (const [end, peer] of [ends, ends.toReversed()] as [Endpoint, Endpoint][]) {
          for (const key of keysOf(end, peer)) used.add(key)
          for (const { ratchet } of states(end.recordOf(peer)))
            if (ratchet.sendingKey !== undefined) used.add(hex(messageKey(ratchet.sendingKey)))
        }
      }
      for (const { byBob, count } of [{ byBob: false, count: 1 }, ...script]) {
        const [from, to] = byBob ? [ends[1], ends[0]] : ends
        for (let i = 0; i < count; i++) {
          const payload = from.send(to, 'text')
          note()
          to.open(from, payload)
          note()
        }
      }
      for (const [end, peer] of [ends, ends.toReversed()] as [Endpoint, Endpoint][]) {
        const now = new Set(keysOf(end, peer))
        const stored = [...end.records.values()].map(hex).join()
        for (const key of now) t.true(stored.includes(key), 'the search finds what is there')
        for (const key of used) if (!now.has(key)) t.false(stored.includes(key))
      }
    }),
    { numRuns: times(12, 40) },
  )
})

test('a thief of all that a device has stored reads nothing that was read before, but what was skipped', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const wire: Uint8Array[] = []
  const say = (from: Endpoint, to: Endpoint, text: string): void => {
    const payload = from.send(to, text)
    wire.push(payload)
    t.is(to.read(from, payload), text)
  }
  say(alice, bob, 'one')
  say(alice, bob, 'two')
  say(bob, alice, 'three')
  const skipped = alice.send(bob, 'on its way')
  wire.push(skipped)
  say(alice, bob, 'four')
  say(bob, alice, 'five')
  t.deepEqual(new Attacker(alice, bob).steal(bob).read(wire), ['on its way'])
  t.deepEqual(new Attacker(alice, bob).steal(alice).read(wire), [])
  t.is(bob.read(alice, skipped), 'on its way')
  t.deepEqual(new Attacker(alice, bob).steal(bob).read(wire), [])
})

test('a thief reads what comes next, until each side has answered once', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const say = (from: Endpoint, to: Endpoint, text: string): Uint8Array => {
    const payload = from.send(to, text)
    t.is(to.read(from, payload), text)
    return payload
  }
  say(alice, bob, 'hello')
  say(bob, alice, 'hello to you')
  const attacker = new Attacker(alice, bob).steal(alice)
  const exposed = [say(alice, bob, 'next'), say(bob, alice, 'answer')]
  t.deepEqual(attacker.read(exposed), ['next', 'answer'])
  const healed = [say(alice, bob, 'and again'), say(bob, alice, 'sure'), say(alice, bob, 'bye')]
  t.deepEqual(attacker.read([...exposed, ...healed]), ['next', 'answer'])
})

test('a message of an old session that was held back does not bring that session back', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const say = (from: Endpoint, to: Endpoint, text: string): Uint8Array => {
    const payload = from.send(to, text)
    t.is(to.read(from, payload), text)
    return payload
  }
  say(alice, bob, 'hello')
  say(bob, alice, 'hello to you')
  const attacker = new Attacker(alice, bob).steal(alice).steal(bob)
  const held = bob.send(alice, 'held back')
  alice.start(bob)
  const renewed = [say(alice, bob, 'anew'), say(bob, alice, 'good')]
  const { id } = findCurrent(alice.recordOf(bob)) ?? {}
  t.is(alice.read(bob, held), 'held back')
  t.deepEqual(findCurrent(alice.recordOf(bob))?.id, id)
  renewed.push(say(alice, bob, 'on the new one'), say(bob, alice, 'likewise'))
  t.deepEqual(attacker.read([held]), ['held back'])
  t.deepEqual(attacker.read(renewed), [])
})

test('what is archived holds no chain to send on', async (t) => {
  const [alice, bob] = await twoEndpoints()
  for (let i = 0; i < 4; i++) {
    alice.start(bob)
    t.is(bob.read(alice, alice.send(bob, 'a')), 'a')
    t.is(alice.read(bob, bob.send(alice, 'b')), 'b')
  }
  for (const [end, peer] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const [current, ...archived] = states(end.recordOf(peer))
    t.truthy(current?.ratchet.sendingKey)
    t.is(archived.length, 3)
    for (const { closed, pending, ratchet } of archived) {
      t.true(closed)
      t.is(pending, undefined)
      t.is(ratchet.sendingKey, undefined)
    }
  }
})
