import test from 'ava'
import { decodeSafetyQr, encodeSafetyQr } from '../../../../client/crypto/wire/safety-qr.ts'
import { bytes } from '../helpers/bytes.ts'
import { fuzzParser } from '../helpers/fuzz-parser.ts'

const example = bytes(`01 58 ${'a1'.repeat(32)} ${'a2'.repeat(32)}`)

test('a safety code has 66 bytes, the own fingerprint first', (t) => {
  const code = { own: bytes('a1'.repeat(32)), peer: bytes('a2'.repeat(32)) }
  t.deepEqual(encodeSafetyQr(code), example)
  t.deepEqual(decodeSafetyQr(example), code)
  t.throws(() => decodeSafetyQr(example.subarray(1)), { code: 'UNKNOWN_VERSION' })
  t.throws(() => decodeSafetyQr(example.subarray(0, 65)), { code: 'MALFORMED' })
})

test('any bytes are a safety code with one encoding, or refused', (t) => {
  const { taken, refused } = fuzzParser({ decode: decodeSafetyQr, encode: encodeSafetyQr }, [example])
  t.true(taken > 1_000)
  t.true(refused > 1_000)
})
