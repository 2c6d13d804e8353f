import { createHash } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import {
  fingerprint,
  matchesSafetyQr,
  safetyNumber,
  safetyQr,
} from '../../../../client/crypto/devices/safety-number.ts'
import type { Fingerprint } from '../../../../client/crypto/devices/safety-number.ts'
import { bytes, flip } from '../helpers/bytes.ts'

const ALICE = 15550000001
const BOB = 15550000002
const aliceKey = bytes('a1'.repeat(32))
const bobKey = bytes('b2'.repeat(32))
const alice = fingerprint(ALICE, aliceKey)
const bob = fingerprint(BOB, bobKey)

/** The same once more, written down straight over OpenSSL. */
function oracle(user: number, accountKey: Uint8Array): Fingerprint {
  const key = Buffer.concat([Buffer.of(0x06), accountKey])
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(user))
  let hash: Uint8Array = createHash('sha512').update(Buffer.of(0, 0)).update(key).update(number).update(key).digest()
  for (let i = 0; i < 5_199; i++) hash = createHash('sha512').update(hash).update(key).digest()
  const groups = [0, 5, 10, 15, 20, 25].map((at) => Buffer.from(hash).readUIntBE(at, 5) % 100_000)
  return {
    digits: groups.map((group) => String(group).padStart(5, '0')).join(''),
    bytes: new Uint8Array(hash.subarray(0, 32)),
  }
}

test('a fingerprint is 5,200 hashes over the version, the account key and the user', (t) => {
  t.deepEqual(alice, oracle(ALICE, aliceKey))
  t.is(alice.digits, '309201047730163140860488150089')
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999_999_999_999 }), key, (user, accountKey) => {
      t.deepEqual(fingerprint(user, accountKey), oracle(user, accountKey))
    }),
    { numRuns: 20 },
  )
})

test('both sides see the same 60 digits', (t) => {
  t.regex(safetyNumber(alice, bob), /^\d{60}$/)
  t.is(safetyNumber(alice, bob), safetyNumber(bob, alice))
  t.is(safetyNumber(alice, bob), [alice.digits, bob.digits].toSorted().join(''))
})

test('the number changes with either account key and with the user', (t) => {
  const number = safetyNumber(alice, bob)
  t.not(safetyNumber(fingerprint(ALICE, flip(aliceKey, 0)), bob), number)
  t.not(safetyNumber(alice, fingerprint(BOB, flip(bobKey, 255))), number)
  t.not(safetyNumber(fingerprint(ALICE + 1, aliceKey), bob), number)
  t.is(safetyNumber(fingerprint(ALICE, aliceKey), bob), number)
})

test("a scanned code fits when the other's screen shows the same two", (t) => {
  t.is(safetyQr(bob, alice).length, 66)
  t.true(matchesSafetyQr(alice, bob, safetyQr(bob, alice)))
  t.false(matchesSafetyQr(alice, bob, safetyQr(alice, bob)))
  t.false(matchesSafetyQr(alice, bob, safetyQr(bob, fingerprint(ALICE, bobKey))))
  t.false(matchesSafetyQr(alice, bob, safetyQr(fingerprint(BOB, aliceKey), alice)))
  t.throws(() => matchesSafetyQr(alice, bob, safetyQr(bob, alice).subarray(1)), { code: 'UNKNOWN_VERSION' })
  t.throws(() => matchesSafetyQr(alice, bob, safetyQr(bob, alice).subarray(0, 60)), { code: 'MALFORMED' })
})
