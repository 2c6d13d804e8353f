import test from 'ava'
import fc from 'fast-check'
import { concat } from '../../../../client/crypto/bytes.ts'
import {
  decodeRetryReceipt,
  encodeRetryReceipt,
  retryReceiptBody,
} from '../../../../client/crypto/wire/retry-receipt.ts'
import { retryReceipt } from '../helpers/arbitrary-devices.ts'
import { bytes } from '../helpers/bytes.ts'
import { fuzzParser } from '../helpers/fuzz-parser.ts'

const example = concat(
  bytes('01 08 00'),
  bytes('e1'.repeat(16)),
  bytes('000000039eda2b81 00000002'),
  bytes('000000039eda2b82 00000001'),
  bytes('c1'.repeat(32)),
  bytes('00000000000003e8'),
  bytes('b1'.repeat(64)),
)

test('a retry receipt has its 147 bytes in the order of the fields', (t) => {
  t.is(example.length, 147)
  const receipt = decodeRetryReceipt(example)
  t.deepEqual(receipt, {
    group: false,
    failedId: bytes('e1'.repeat(16)),
    requester: { user: 15550000001, device: 2 },
    asked: { user: 15550000002, device: 1 },
    ratchetKey: bytes('c1'.repeat(32)),
    ms: 1_000,
    signature: bytes('b1'.repeat(64)),
  })
  t.deepEqual(encodeRetryReceipt(receipt), example)
  t.deepEqual(retryReceiptBody(receipt), example.slice(0, 83))
})

test('a retry receipt comes back as it was', (t) => {
  fc.assert(
    fc.property(retryReceipt, (receipt) => {
      t.deepEqual(decodeRetryReceipt(encodeRetryReceipt(receipt)), receipt)
    }),
  )
})

test('a receipt for a group message names no ratchet key', (t) => {
  const group = example.slice()
  group[2] = 1
  t.throws(() => decodeRetryReceipt(group), { code: 'MALFORMED' })
  t.true(decodeRetryReceipt(group.fill(0, 43, 75)).group)
})

test('another version, type or flag is not guessed at', (t) => {
  for (const at of [0, 1, 2]) {
    const changed = example.slice()
    changed[at] = 2
    t.throws(() => decodeRetryReceipt(changed), { code: 'UNKNOWN_VERSION' })
  }
})

test('any bytes are a retry receipt with one encoding, or refused', (t) => {
  const samples = fc.sample(retryReceipt, 50).map(encodeRetryReceipt)
  const { taken, refused } = fuzzParser({ decode: decodeRetryReceipt, encode: encodeRetryReceipt }, samples)
  t.true(taken > 1_000)
  t.true(refused > 1_000)
})
