import test from 'ava'
import type { ExecutionContext } from 'ava'
import fc from 'fast-check'
import { decodeContent, encodeContent } from '../../client/content.ts'
import type { Content } from '../../client/content.ts'
import { DecodeError } from '../../proto/decode-error.ts'
import { content } from './helpers/arbitrary-content.ts'
import { hex } from './helpers/hex.ts'

const ID = '0a10 6f9619ff8b864d11b42d00c04fc964ff'
const TO_7 = '1a02 0807'
const HASH = '1210 00112233445566778899aabbccddeeff'
const small: Content = {
  id: '6f9619ff-8b86-4d11-b42d-00c04fc964ff',
  sentAtMs: 1,
  chat: { type: 'user', user: 7 },
  body: { type: 'text', text: 'hi' },
}

function refuses(t: ExecutionContext, bytes: string, message: RegExp): void {
  t.throws(() => decodeContent(hex(bytes)), { instanceOf: DecodeError, message })
}

/** Computed by hand from content.proto. */
const golden: readonly [Content, string][] = [
  [small, `${ID} | 1001 | ${TO_7} | 4a06 0a04 0a02'hi'`],
  [
    {
      ...small,
      chat: { type: 'group', group: hex('00112233445566778899aabbccddeeff') },
      myList: { epoch: 1, hash: hex('00112233445566778899aabbccddeeff') },
      groupState: { epoch: 2, hash: hex('00112233445566778899aabbccddeeff') },
      expireSeconds: 0,
      body: { type: 'location', latitude: 1, longitude: -2, name: 'n', address: '' },
    },
    `${ID} | 1001 | 1a12 ${HASH} | 2214 0801 ${HASH} | 3214 0802 ${HASH} | 3800` +
      "| 4a17 1215 09000000000000f03f 1100000000000000c0 1a01'n'",
  ],
  [
    {
      ...small,
      replyTo: { user: 7, device: 1, id: small.id },
      body: { type: 'contact', name: 'n', phone: '+1', vcard: '' },
    },
    `${ID} | 1001 | ${TO_7} | 4216 0807 1001 1a10 6f9619ff8b864d11b42d00c04fc964ff | 4a09 1a07 0a01'n' 1202'+1'`,
  ],
  [
    { ...small, body: { type: 'delete', target: { user: 7, device: 1, id: small.id } } },
    `${ID} | 1001 | ${TO_7} | 4a1a 3218 0a16 0807 1001 1a10 6f9619ff8b864d11b42d00c04fc964ff`,
  ],
]

for (const [written, bytes] of golden) {
  test(`a ${written.body.type} has its bytes`, (t) => {
    t.deepEqual(encodeContent(written), hex(bytes))
    t.deepEqual(decodeContent(hex(bytes)), written)
  })
}

test('what was written is what is read', (t) => {
  fc.assert(fc.property(content, (written) => t.deepEqual(decodeContent(encodeContent(written)), written)))
})

test('a coordinate of -0 keeps its sign', (t) => {
  const body = { type: 'location', latitude: -0, longitude: 0, name: '', address: '' } as const
  t.deepEqual(decodeContent(encodeContent({ ...small, body })).body, body)
})

test('a short text leaves room for its words in the smallest padded message', (t) => {
  const hash = new Uint8Array(16)
  const myList = { epoch: 1, hash }
  const written = {
    ...small,
    sentAtMs: 1_790_000_000_000,
    myList,
    yourList: myList,
    body: { type: 'text', text: '' } as const,
  }
  t.true(encodeContent(written).length <= 90)
})

test('a body of a later version is unknown, and so is a chat', (t) => {
  t.deepEqual(decodeContent(hex(`${ID} | 1001 | ${TO_7} | 4a05 3a03 0a01'x'`)).body, { type: 'unknown', name: '7' })
  t.deepEqual(decodeContent(hex(`${ID} | 1a02 2801 | 4a02 0a00`)).chat, { type: 'unknown', name: '5' })
})

test('fields of a later version are passed over', (t) => {
  t.deepEqual(decodeContent(hex(`${ID} | 1001 | ${TO_7} | 4a06 0a04 0a02'hi' | a20601'x'`)), small)
})

test('content without an id, a chat or a body is refused', (t) => {
  refuses(t, '', /./)
  refuses(t, `1001 | ${TO_7} | 4a06 0a04 0a02'hi'`, /Content has no id/)
  refuses(t, `${ID} | 4a06 0a04 0a02'hi'`, /Chat is empty/)
  refuses(t, `${ID} | ${TO_7}`, /Body is empty/)
  refuses(t, `${ID} | ${TO_7} | 4a08 0a02 0a00 0a02 0a00`, /runs over the end/)
})

test('ids, hashes and users of a wrong size are refused', (t) => {
  const body = "4a06 0a04 0a02'hi'"
  refuses(t, `0a0f 6f9619ff8b864d11b42d00c04fc964 | ${TO_7} | ${body}`, /a UUID has not 16 bytes/)
  refuses(t, `${ID} | 1a02 0800 | ${body}`, /chat: not a user/)
  refuses(t, `${ID} | 1a09 0880808b9abdafe3 1f | ${body}`, /./)
  refuses(t, `${ID} | 1a04 1202 0102 | ${body}`, /chat: not the id of a group/)
  refuses(t, `${ID} | ${TO_7} | 2202 0801 | ${body}`, /myList: a hash of 0 bytes/)
  refuses(t, `${ID} | ${TO_7} | 4202 0807 | ${body}`, /replyTo: names no message/)
  refuses(t, `${ID} | ${TO_7} | 4a02 2200`, /target: not a user/)
  refuses(t, `${ID} | ${TO_7} | 4a0b 1209 09000000000000f07f`, /location: not on Earth/)
})

test('content cut off anywhere, and more than a payload may hold, is refused', (t) => {
  const bytes = encodeContent(small)
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => decodeContent(bytes.subarray(0, length)), { instanceOf: DecodeError })
  }
  t.throws(() => decodeContent(encodeContent({ ...small, body: { type: 'text', text: 'x'.repeat(65_536) } })), {
    instanceOf: DecodeError,
    message: /too large/,
  })
})

test('what is no UUID and what is unknown cannot be written', (t) => {
  t.throws(() => encodeContent({ ...small, id: 'id' }), { instanceOf: RangeError })
  t.throws(() => encodeContent({ ...small, body: { type: 'unknown', name: '7' } }), { instanceOf: TypeError })
})
