import test from 'ava'
import fc from 'fast-check'
import { signKemPreKey, signPreKey } from '../../../../client/crypto/devices/pre-keys.ts'
import { verifyBundle } from '../../../../client/crypto/devices/bundle.ts'
import { concat, label, ZERO_32 } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { messageData } from '../../../../client/crypto/handshake/associated-data.ts'
import { hkdf, hmac } from '../../../../client/crypto/primitives/hash.ts'
import { sealBox } from '../../../../client/crypto/primitives/secretbox.ts'
import { nextToSend } from '../../../../client/crypto/ratchet/ratchet.ts'
import { sealFor, startSession } from '../../../../client/crypto/sessions/send.ts'
import { EMPTY_RECORD, findCurrent } from '../../../../client/crypto/sessions/session-record.ts'
import {
  decodeKemPreKey,
  decodeOneTimePreKey,
  decodeSignedPreKey,
  encodeKemPreKey,
  encodeOneTimePreKey,
  encodeSignedPreKey,
  KemKind,
} from '../../../../client/crypto/wire/pre-keys.ts'
import { encodeRatchetHead } from '../../../../client/crypto/wire/ratchet-message.ts'
import { ascii, flip } from '../helpers/bytes.ts'
import { Endpoint, twoEndpoints } from '../helpers/endpoint.ts'
import { makePerson, NOW, primitives } from '../helpers/people.ts'
import { refusal } from '../helpers/refusal.ts'

/** Every `step`th byte with one bit turned, and what is cut or longer. */
function* changed(payload: Uint8Array, step: number): Generator<Uint8Array> {
  for (let i = 0; i < payload.length; i += step) yield flip(payload, 8 * i + (i % 8))
  for (const size of [0, 1, 2, 41, 69, 117, payload.length - 1]) yield payload.slice(0, size)
  yield concat(payload, Uint8Array.of(0))
}

/** What was accepted, or changed something, of all that was done to the payload. */
function accepted(end: Endpoint, from: Endpoint, payload: Uint8Array, step = 1): number {
  let count = 0
  const before = end.snapshot()
  for (const bad of changed(payload, step))
    if (refusal(() => end.open(from, bad)) === undefined || end.snapshot() !== before) count += 1
  return count
}

test('a first message with a byte changed starts nothing and uses up nothing; the true one still opens', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const payload = alice.send(bob, 'hello')
  t.is(accepted(bob, alice, payload, 3), 0)
  t.is(bob.oneTimePreKeys.size, 1)
  t.is(bob.read(alice, payload), 'hello')
  t.is(bob.oneTimePreKeys.size, 0)
})

test('a message with any byte changed is refused in every place of the ratchet; the true one still opens', async (t) => {
  const [alice, bob] = await twoEndpoints()
  t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
  const repeated = alice.send(bob, 'behind a header')
  t.is(accepted(bob, alice, repeated, 3), 0)
  const answer = bob.send(alice, 'a step')
  t.is(accepted(alice, bob, answer), 0)
  t.is(alice.read(bob, answer), 'a step')
  const skipped = alice.send(bob, 'skipped')
  const next = alice.send(bob, 'past a gap')
  t.is(accepted(bob, alice, next), 0)
  t.is(bob.read(alice, next), 'past a gap')
  t.is(accepted(bob, alice, skipped), 0)
  t.is(bob.read(alice, skipped), 'skipped')
  t.is(bob.read(alice, repeated), 'behind a header')
})

test('a bundle with any bit changed ends before a session is there on both sides', async (t) => {
  const alice = await Endpoint.create(15_550_000_001)
  const person = await makePerson(15_550_000_002)
  const bob = Endpoint.of(person)
  const { signing, address } = bob.device
  const { signedPreKey, kemPreKey, oneTimePreKey } = bob.bundle()
  if (oneTimePreKey === undefined) throw new Error('A bundle without a one-time key')
  const parts = [
    bob.own.certificate,
    encodeSignedPreKey(await signPreKey(primitives, address, signing, signedPreKey)),
    encodeKemPreKey(await signKemPreKey(primitives, address, signing, KemKind.ONE_TIME, kemPreKey)),
    encodeOneTimePreKey(oneTimePreKey),
  ] as const
  const attempt = async (bytes: readonly Uint8Array[]): Promise<string | undefined> => {
    const [certificate, signed, kem, one] = bytes as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const bundle = {
      cert: certificate,
      signedPreKey: decodeSignedPreKey(signed),
      kemPreKey: decodeKemPreKey(kem),
      kemKind: KemKind.ONE_TIME,
      oneTimePreKey: decodeOneTimePreKey(one),
    }
    const verified = await verifyBundle(primitives, alice.own.identity, address, person.list, bundle, undefined, NOW)
    const record = startSession(primitives, EMPTY_RECORD, alice.own, verified, NOW)
    return bob.read(alice, sealFor(record, ascii('hello'), alice.own.list).payload)
  }
  const before = bob.snapshot()
  const size = concat(...parts).length
  await fc.assert(
    fc.asyncProperty(fc.nat(size * 8 - 1), async (bit) => {
      const whole = flip(concat(...parts), bit)
      let at = 0
      const cut = parts.map((part) => {
        at += part.length
        return whole.slice(at - part.length, at)
      })
      const error = await t.throwsAsync(attempt(cut))
      t.true(error instanceof CryptoError, String(error))
      t.is(bob.snapshot(), before)
    }),
    { numRuns: 100 },
  )
  t.is(await attempt(parts), 'hello')
})

/** Seals with a good tag what no padding makes. */
function sealBadly(alice: Endpoint, bob: Endpoint, padded: Uint8Array): Uint8Array {
  const state = findCurrent(alice.recordOf(bob))
  if (state === undefined) throw new Error('No session')
  const { key, head } = nextToSend(state.ratchet)
  const keys = hkdf(key, ZERO_32, label('mk'), 64)
  const nonce = new Uint8Array(24)
  const box = sealBox(padded, nonce, keys.subarray(0, 32))
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, box.length)
  const sealed = concat(encodeRatchetHead(head), nonce, size, box)
  return concat(sealed, hmac(keys.subarray(32), messageData(alice.own, bob.own), sealed))
}

for (const [name, padded] of [
  ['no end', new Uint8Array(160)],
  ['another end', new Uint8Array(160).fill(1)],
  ['a length that padding does not make', Uint8Array.of(0x80)],
  ['too many zeros', concat(Uint8Array.of(0x80), new Uint8Array(319))],
  ['nothing at all', new Uint8Array()],
] as const)
  test(`a good tag over content with ${name} is used up, and not opened again`, async (t) => {
    const [alice, bob] = await twoEndpoints()
    t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
    t.is(alice.read(bob, bob.send(alice, 'hello to you')), 'hello to you')
    const payload = sealBadly(alice, bob, padded)
    const opened = bob.open(alice, payload)
    t.is(opened.plaintext, undefined)
    t.is(
      refusal(() => bob.open(alice, payload)),
      'DUPLICATE',
    )
    alice.send(bob, 'its number is taken')
    t.is(bob.read(alice, alice.send(bob, 'and on')), 'and on')
  })
