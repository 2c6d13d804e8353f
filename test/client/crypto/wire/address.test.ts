import test from 'ava'
import fc from 'fast-check'
import { ByteReader } from '../../../../client/crypto/bytes.ts'
import { encodeAddress, readAddress } from '../../../../client/crypto/wire/address.ts'
import type { WireAddress } from '../../../../proto/frames.ts'
import { address } from '../helpers/arbitrary-devices.ts'
import { bytes } from '../helpers/bytes.ts'

function decode(encoded: Uint8Array): WireAddress {
  const reader = new ByteReader(encoded)
  const read = readAddress(reader)
  reader.end()
  return read
}

test('an address is 12 bytes and comes back', (t) => {
  t.deepEqual(encodeAddress({ user: 15550000001, device: 2 }), bytes('000000039eda2b810000 0002'))
  fc.assert(
    fc.property(address, (one) => {
      t.is(encodeAddress(one).length, 12)
      t.deepEqual(decode(encodeAddress(one)), one)
    }),
  )
})

test('a user is a number of at most 15 digits, a device is counted from 1', (t) => {
  t.deepEqual(decode(bytes('00038d7ea4c67fff 00000001')), { user: 999_999_999_999_999, device: 1 })
  for (const wrong of [
    '00038d7ea4c68000 00000001',
    '0000000000000000 00000001',
    '0020000000000000 00000001',
    'ffffffffffffffff 00000001',
    '0000000000000001 00000000',
    '0000000000000001 000000',
    '0000000000000001 0000000100',
  ])
    t.throws(() => decode(bytes(wrong)), { code: 'MALFORMED' }, wrong)
})
