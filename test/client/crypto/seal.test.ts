import test from 'ava'
import fc from 'fast-check'
import { MAX_PAYLOAD_BYTES } from '../../../proto/limits.ts'
import { pad, unpad } from '../../../client/crypto/padding.ts'
import { MAX_PLAINTEXT_BYTES, open, seal } from '../../../client/crypto/seal.ts'
import { PRE_KEY_HEADER_BYTES } from '../../../client/crypto/wire/pre-key-message.ts'
import { ascii } from './helpers/bytes.ts'
import { openWith, sealWith } from './helpers/reference/primitives.ts'
import { refusal } from './helpers/refusal.ts'

const KEY = new Uint8Array(32).fill(1)
const AD = ascii('who to whom')
const HEAD = ascii('head')

test('padding goes by 160 up to 2,080, then by 512', (t) => {
  const sizes = [
    [0, 160],
    [159, 160],
    [160, 320],
    [2_079, 2_080],
    [2_080, 2_560],
    [2_559, 2_560],
    [2_560, 3_072],
    [MAX_PLAINTEXT_BYTES, 63_488],
  ] as const
  for (const [size, padded] of sizes) t.is(pad(new Uint8Array(size)).length, padded)
})

test('what is padded comes back, whatever it ends with', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.constantFrom(0, 0x80, 1), (head, end) => {
      const content = Uint8Array.of(...head, end, end)
      t.deepEqual(unpad(pad(content)), content)
    }),
  )
})

test('only what padding makes is taken off', (t) => {
  t.is(unpad(new Uint8Array()), undefined)
  t.is(unpad(new Uint8Array(160)), undefined)
  t.is(unpad(Uint8Array.of(0x80)), undefined)
  const long = new Uint8Array(320)
  long[0] = 0x80
  t.is(unpad(long), undefined)
  t.deepEqual(unpad(long.slice(0, 160)), new Uint8Array())
})

test('a second implementation opens what is sealed, and the reverse', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), (content) => {
      t.deepEqual(openWith(KEY, 'mk', AD, 4, seal(KEY, 'mk', AD, HEAD, content)), Buffer.from(content))
      t.deepEqual(open(KEY, 'mk', AD, 4, sealWith(KEY, 'mk', AD, HEAD, content)), content)
    }),
  )
})

test('another key, label, place or associated data does not open it', (t) => {
  const sealed = seal(KEY, 'mk', AD, HEAD, ascii('content'))
  t.deepEqual(open(KEY, 'mk', AD, 4, sealed), ascii('content'))
  t.is(
    refusal(() => open(new Uint8Array(32), 'mk', AD, 4, sealed)),
    'BAD_TAG',
  )
  t.is(
    refusal(() => open(KEY, 'signal', AD, 4, sealed)),
    'BAD_TAG',
  )
  t.is(
    refusal(() => open(KEY, 'mk', ascii('whom to who'), 4, sealed)),
    'BAD_TAG',
  )
})

test('one content sealed twice under one key gives two messages', (t) => {
  const [a, b] = [seal(KEY, 'mk', AD, HEAD, AD), seal(KEY, 'mk', AD, HEAD, AD)]
  t.notDeepEqual(a.slice(4, 28), b.slice(4, 28))
  t.notDeepEqual(a.slice(32, -32), b.slice(32, -32))
})

test('the longest content fits a first message, one more byte fits none', (t) => {
  const head = new Uint8Array(42)
  const sealed = seal(KEY, 'mk', AD, head, new Uint8Array(MAX_PLAINTEXT_BYTES))
  t.true(PRE_KEY_HEADER_BYTES + 4 + sealed.length <= MAX_PAYLOAD_BYTES)
  t.true(PRE_KEY_HEADER_BYTES + 4 + sealed.length + 512 > MAX_PAYLOAD_BYTES)
  t.throws(() => seal(KEY, 'mk', AD, head, new Uint8Array(MAX_PLAINTEXT_BYTES + 1)), { instanceOf: RangeError })
})
