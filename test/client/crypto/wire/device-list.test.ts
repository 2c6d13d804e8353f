import test from 'ava'
import fc from 'fast-check'
import { concat, ZERO_32 } from '../../../../client/crypto/bytes.ts'
import { decodeDeviceList, encodeDeviceList, listBody, listHash } from '../../../../client/crypto/wire/device-list.ts'
import { deviceList } from '../helpers/arbitrary-devices.ts'
import { bytes } from '../helpers/bytes.ts'
import { fuzzParser } from '../helpers/fuzz-parser.ts'

function listOf(count: string, entries: readonly string[], epoch = '00000002', previous = 'c0'.repeat(32)): Uint8Array {
  return concat(
    bytes('01 22 000000039eda2b81'),
    bytes('a1'.repeat(32)),
    bytes(epoch),
    bytes('00000000000003e8 00000000000007d0'),
    bytes(previous),
    bytes(count),
    ...entries.map(bytes),
    bytes('b1'.repeat(64)),
  )
}

function entry(device: string, registrationId = '0000002a'): string {
  return `${device}${registrationId}${'d0'.repeat(32)}`
}

test('a list of n devices has 159 + 40 n bytes in the order of the fields', (t) => {
  const example = listOf('02', [entry('00000001'), entry('00000003', '7fffffff')])
  t.is(example.length, 159 + 80)
  const list = decodeDeviceList(example)
  t.deepEqual(list, {
    user: 15550000001,
    accountKey: bytes('a1'.repeat(32)),
    epoch: 2,
    createdMs: 1_000,
    expiresMs: 2_000,
    previousHash: bytes('c0'.repeat(32)),
    devices: [
      { device: 1, registrationId: 42, certHash: bytes('d0'.repeat(32)) },
      { device: 3, registrationId: 0x7fffffff, certHash: bytes('d0'.repeat(32)) },
    ],
    signature: bytes('b1'.repeat(64)),
  })
  t.deepEqual(encodeDeviceList(list), example)
  t.deepEqual(listBody(list), example.slice(0, 95 + 80))
  t.notDeepEqual(listHash(example), listHash(example.fill(0, 200)))
})

test('a list comes back as it was', (t) => {
  fc.assert(
    fc.property(deviceList, (list) => {
      t.deepEqual(decodeDeviceList(encodeDeviceList(list)), list)
    }),
  )
})

test('devices are one to eight, each once, by ascending number', (t) => {
  const numbers = ['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((one) => entry(one.padStart(8, '0')))
  t.is(decodeDeviceList(listOf('08', numbers.slice(0, 8))).devices.length, 8)
  const wrong = [
    listOf('00', []),
    listOf('09', numbers),
    listOf('02', [entry('00000002'), entry('00000001')]),
    listOf('02', [entry('00000002'), entry('00000002', '0000002b')]),
    listOf('01', [entry('00000000')]),
    listOf('01', [entry('00000001', '00000000')]),
    listOf('02', [entry('00000001')]),
    listOf('01', [entry('00000001'), entry('00000002')]),
  ]
  for (const [i, list] of wrong.entries()) t.throws(() => decodeDeviceList(list), { code: 'MALFORMED' }, `${i}`)
})

test('the first list has no previous one, and epochs are counted from 1', (t) => {
  const one = [entry('00000001')]
  t.deepEqual(decodeDeviceList(listOf('01', one, '00000001', '00'.repeat(32))).previousHash, ZERO_32)
  t.throws(() => decodeDeviceList(listOf('01', one, '00000001')), { code: 'MALFORMED' })
  t.throws(() => decodeDeviceList(listOf('01', one, '00000000', '00'.repeat(32))), { code: 'MALFORMED' })
})

test('any bytes are a list with one encoding, or refused', (t) => {
  const samples = fc.sample(deviceList, 50).map(encodeDeviceList)
  const { taken, refused } = fuzzParser({ decode: decodeDeviceList, encode: encodeDeviceList }, samples)
  t.true(taken > 1_000)
  t.true(refused > 1_000)
})
