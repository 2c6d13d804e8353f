import test from 'ava'
import type { ExecutionContext } from 'ava'
import fc from 'fast-check'
import { concat } from '../../../../client/crypto/bytes.ts'
import {
  decodeKemPreKey,
  decodeOneTimePreKey,
  decodeSignedPreKey,
  encodeKemPreKey,
  encodeOneTimePreKey,
  encodeSignedPreKey,
  KemKind,
  kemPreKeyBody,
  signedPreKeyBody,
} from '../../../../client/crypto/wire/pre-keys.ts'
import { kemPreKey, oneTimePreKey, signedPreKey } from '../helpers/arbitrary-devices.ts'
import { bytes } from '../helpers/bytes.ts'
import { fuzzParser } from '../helpers/fuzz-parser.ts'
import type { Parser } from '../helpers/fuzz-parser.ts'

const address = { user: 15550000001, device: 2 }
const addressBytes = bytes('000000039eda2b81 00000002')
const signature = bytes('b1'.repeat(64))

function comesBack<T>(t: ExecutionContext, keys: fc.Arbitrary<T>, { encode, decode }: Parser<T>, size: number): void {
  fc.assert(
    fc.property(keys, (key) => {
      t.is(encode(key).length, size)
      t.deepEqual(decode(encode(key)), key)
    }),
  )
}

function fuzz<T>(t: ExecutionContext, keys: fc.Arbitrary<T>, parser: Parser<T>): void {
  const { taken, refused } = fuzzParser(parser, fc.sample(keys, 50).map(parser.encode))
  t.true(taken > 1_000)
  t.true(refused > 1_000)
}

const signed = { encode: encodeSignedPreKey, decode: decodeSignedPreKey }
const oneTime = { encode: encodeOneTimePreKey, decode: decodeOneTimePreKey }
const kem = { encode: encodeKemPreKey, decode: decodeKemPreKey }

test('a signed pre-key has 109 bytes, and its device, type of key and suite are signed', (t) => {
  const key = { id: 7, publicKey: bytes('a1'.repeat(32)), createdMs: 1_000, suite: 1, signature }
  const fields = [bytes('00000007'), key.publicKey, bytes('00000000000003e8'), bytes('01')] as const
  t.deepEqual(encodeSignedPreKey(key), concat(...fields, signature))
  t.deepEqual(
    signedPreKeyBody(address, key),
    concat(addressBytes, fields[0], bytes('05'), key.publicKey, fields[2], fields[3]),
  )
  comesBack(t, signedPreKey, signed, 109)
})

test('a one-time pre-key has 36 bytes', (t) => {
  t.deepEqual(encodeOneTimePreKey({ id: 7, publicKey: bytes('a1'.repeat(32)) }), bytes(`00000007${'a1'.repeat(32)}`))
  comesBack(t, oneTimePreKey, oneTime, 36)
})

test('a KEM pre-key has 1,260 bytes, and its device, type of key and kind are signed', (t) => {
  const key = { id: 7, publicKey: bytes('a1'.repeat(1184)), createdMs: 1_000, signature }
  const [id, createdMs] = [bytes('00000007'), bytes('00000000000003e8')]
  t.deepEqual(encodeKemPreKey(key), concat(id, key.publicKey, createdMs, signature))
  for (const [kind, byte] of [
    [KemKind.ONE_TIME, '01'],
    [KemKind.LAST_RESORT, '02'],
  ] as const)
    t.deepEqual(
      kemPreKeyBody(address, kind, key),
      concat(addressBytes, bytes(byte), id, bytes('09'), key.publicKey, createdMs),
    )
  comesBack(t, kemPreKey, kem, 1_260)
})

test('ids and suites are counted from 1', (t) => {
  const [one] = fc.sample(signedPreKey, 1) as [ReturnType<typeof decodeSignedPreKey>]
  t.notThrows(() => decodeSignedPreKey(encodeSignedPreKey(one)))
  t.throws(() => decodeSignedPreKey(encodeSignedPreKey({ ...one, id: 0 })), { code: 'MALFORMED' })
  t.throws(() => decodeSignedPreKey(encodeSignedPreKey({ ...one, suite: 0 })), { code: 'MALFORMED' })
  t.throws(() => decodeOneTimePreKey(encodeOneTimePreKey({ ...one, id: 0 })), { code: 'MALFORMED' })
  const [other] = fc.sample(kemPreKey, 1) as [ReturnType<typeof decodeKemPreKey>]
  t.throws(() => decodeKemPreKey(encodeKemPreKey({ ...other, id: 0 })), { code: 'MALFORMED' })
})

test('any bytes are a signed pre-key with one encoding, or refused', (t) => fuzz(t, signedPreKey, signed))

test('any bytes are a one-time pre-key with one encoding, or refused', (t) => fuzz(t, oneTimePreKey, oneTime))

test('any bytes are a KEM pre-key with one encoding, or refused', (t) => fuzz(t, kemPreKey, kem))
