import { createHash } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { concat } from '../../../../client/crypto/bytes.ts'
import {
  certHash,
  decodeDeviceCert,
  encodeCertBody,
  encodeDeviceCert,
} from '../../../../client/crypto/wire/device-cert.ts'
import { deviceCert } from '../helpers/arbitrary-devices.ts'
import { bytes } from '../helpers/bytes.ts'
import { fuzzParser } from '../helpers/fuzz-parser.ts'

const example = concat(
  bytes('01 21'),
  bytes('000000039eda2b81 00000002'),
  bytes('01'),
  bytes('0000002a'),
  bytes('a1'.repeat(32)),
  bytes('a2'.repeat(32)),
  bytes('a3'.repeat(32)),
  bytes('00000000000003e8'),
  bytes('b1'.repeat(64)),
  bytes('b2'.repeat(64)),
)

test('a certificate has its 251 bytes in the order of the fields', (t) => {
  t.is(example.length, 251)
  const cert = decodeDeviceCert(example)
  t.deepEqual(cert, {
    address: { user: 15550000001, device: 2 },
    hosted: true,
    registrationId: 42,
    identity: {
      accountKey: bytes('a1'.repeat(32)),
      signingKey: bytes('a2'.repeat(32)),
      agreementKey: bytes('a3'.repeat(32)),
    },
    createdMs: 1_000,
    accountSignature: bytes('b1'.repeat(64)),
    deviceSignature: bytes('b2'.repeat(64)),
  })
  t.deepEqual(encodeDeviceCert(cert), example)
  t.deepEqual(encodeCertBody(cert), example.slice(0, 123))
  t.is(Buffer.from(certHash(example)).toString('hex'), createHash('sha256').update(example).digest('hex'))
})

test('a certificate comes back as it was', (t) => {
  fc.assert(
    fc.property(deviceCert, (cert) => {
      t.deepEqual(decodeDeviceCert(encodeDeviceCert(cert)), cert)
    }),
  )
})

test('another version, type or flag is not guessed at', (t) => {
  for (const [at, value] of [
    [0, 2],
    [0, 0],
    [1, 0x22],
    [14, 2],
    [14, 0x81],
  ] as const) {
    const changed = example.slice()
    changed[at] = value
    t.throws(() => decodeDeviceCert(changed), { code: 'UNKNOWN_VERSION' }, `${at}`)
  }
})

test('a registration id is 1 to 2^31 − 1', (t) => {
  for (const wrong of ['00000000', '80000000', 'ffffffff']) {
    const changed = example.slice()
    changed.set(bytes(wrong), 15)
    t.throws(() => decodeDeviceCert(changed), { code: 'MALFORMED' }, wrong)
  }
})

test('any bytes are a certificate with one encoding, or refused', (t) => {
  const samples = fc.sample(deviceCert, 50).map(encodeDeviceCert)
  const { taken, refused } = fuzzParser({ decode: decodeDeviceCert, encode: encodeDeviceCert }, samples)
  t.true(taken > 1_000)
  t.true(refused > 1_000)
})
