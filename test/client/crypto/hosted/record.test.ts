import { createHash, hkdfSync } from 'node:crypto'
import test from 'ava'
import * as fc from 'fast-check'
import sodium from 'libsodium-wrappers'
import { concat } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { createDataKey } from '../../../../client/crypto/hosted/key-box.ts'
import type { DataKey } from '../../../../client/crypto/hosted/key-box.ts'
import {
  decodeRecord,
  encodeRecord,
  openRecord,
  RECORD_OVERHEAD_BYTES,
  sealRecord,
} from '../../../../client/crypto/hosted/record.ts'
import type { RecordPlace } from '../../../../client/crypto/hosted/record.ts'
import { ascii, bytes, flip } from '../helpers/bytes.ts'
import { withRandom } from '../helpers/fixed-random.ts'
import { fuzzParser } from '../helpers/fuzz-parser.ts'

const ADDRESS = { user: 15_550_000_001, device: 1 }
const DATA_KEY: DataKey = {
  address: ADDRESS,
  registrationId: 0x12345678,
  generation: 3,
  key: new Uint8Array(32).fill(0xde),
}
const PLACE: RecordPlace = { table: 0, key: ascii('session/1') }
const NONCE = new Uint8Array(24).fill(0x0c)
const VALUE = ascii('a ratchet')
const CORRUPT = { instanceOf: CryptoError, code: 'CORRUPT_STATE' }

test('a record has the bytes that other implementations make of the same randomness', async (t) => {
  await sodium.ready
  const sealed = withRandom(NONCE, () => sealRecord(DATA_KEY, PLACE, VALUE))
  const info = concat(
    ascii('Parley-v1/hosted-rec\0'),
    bytes('000000039eda2b81 00000001 12345678 00000003 00'),
    createHash('sha256').update(PLACE.key).digest(),
  )
  const key = new Uint8Array(hkdfSync('sha256', DATA_KEY.key, new Uint8Array(32), info, 32))
  const box = sodium.crypto_secretbox_easy(VALUE, NONCE, key)
  t.deepEqual(Buffer.from(sealed), Buffer.from(concat(bytes('01 71 00000003'), NONCE, box)))
  t.is(RECORD_OVERHEAD_BYTES, 46)
  t.is(sealed.length, VALUE.length + 46)
})

test('a record opens at its place and with its key alone', (t) => {
  const sealed = decodeRecord(sealRecord(DATA_KEY, PLACE, VALUE))
  t.deepEqual(openRecord(DATA_KEY, PLACE, sealed), VALUE)
  const elsewhere: [string, DataKey, RecordPlace][] = [
    ['table', DATA_KEY, { ...PLACE, table: 1 }],
    ['record key', DATA_KEY, { ...PLACE, key: ascii('session/2') }],
    ['user', { ...DATA_KEY, address: { ...ADDRESS, user: 15_550_000_002 } }, PLACE],
    ['device', { ...DATA_KEY, address: { ...ADDRESS, device: 2 } }, PLACE],
    ['installation', { ...DATA_KEY, registrationId: 1 }, PLACE],
    ['generation', { ...DATA_KEY, generation: 4 }, PLACE],
    ['data key', createDataKey(DATA_KEY, 3), PLACE],
  ]
  for (const [what, dataKey, place] of elsewhere) t.throws(() => openRecord(dataKey, place, sealed), CORRUPT, what)
  t.throws(() => openRecord({ ...DATA_KEY, generation: 4 }, PLACE, { ...sealed, generation: 4 }), CORRUPT)
})

test('what is sealed opens to the same, and not after a change of any bit', (t) => {
  const input = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }), fc.nat())
  fc.assert(
    fc.property(input, ([value, key, at]) => {
      const place = { table: 0, key }
      const sealed = sealRecord(DATA_KEY, place, value)
      t.deepEqual(openRecord(DATA_KEY, place, decodeRecord(sealed)), value)
      const damaged = flip(sealed, at % (sealed.length * 8))
      t.throws(() => openRecord(DATA_KEY, place, decodeRecord(damaged)), { instanceOf: CryptoError })
    }),
  )
})

test('the parser of records takes nothing but records', (t) => {
  const counts = fuzzParser({ decode: decodeRecord, encode: encodeRecord }, [sealRecord(DATA_KEY, PLACE, VALUE)])
  t.true(counts.taken > 0)
  t.true(counts.refused > 0)
})
