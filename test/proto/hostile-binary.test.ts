import test from 'ava'
import type { ExecutionContext } from 'ava'
import { DecodeError, decodeClientFrames, decodeServerFrames, encodeClientFrames } from '../../proto/codec.ts'
import type { ClientFrame, SendFrame } from '../../proto/frames.ts'
import { MAX_ABOUT, MAX_COPIES, MAX_FRAMES, MAX_MESSAGE_BYTES, MAX_WATCHED } from '../../proto/limits.ts'
import { hex } from './helpers/hex.ts'

const send: SendFrame = {
  type: 'send',
  id: '6f9619ff-8b86-4d11-b42d-00c04fc964ff',
  to: 15_550_000_002,
  kind: 0,
  copies: [{ device: 1, registrationId: 9_001, payload: new Uint8Array(200).fill(7) }],
  about: [],
  urgent: true,
  ttl: 0,
  first: false,
}

function refuses(t: ExecutionContext, bytes: string, message: RegExp): void {
  t.throws(() => decodeClientFrames(hex(bytes)), { instanceOf: DecodeError, message })
}

test('a frame that is cut off anywhere is refused', (t) => {
  const bytes = encodeClientFrames([send]).slice()
  for (let length = 1; length < bytes.length; length++) {
    t.throws(() => decodeClientFrames(bytes.subarray(0, length)), { instanceOf: DecodeError })
  }
})

test('the error names frame and byte', (t) => {
  refuses(t, '0a023a00 0a041a020880', /^frames\[1\]: the bytes end inside a field, at byte 10$/)
})

test('a length that runs over the end is refused, whatever it claims', (t) => {
  refuses(t, '0a05', /a length of 5 runs over the end/)
  refuses(t, '0a 80808080 04', /a length of 1073741824 runs over the end/)
  refuses(t, '0a ffffffffffffff 0f', /a length of 9007199254740991 runs over the end/)
  refuses(t, '0a ffffffffffffffffff01', /more than 53 bits/)
})

test('a field that runs over the end of its message is refused', (t) => {
  refuses(t, "0a07 1205 0a04'ab' | 0a023a00", /runs over the end of its message/)
  refuses(t, '0a04 1a02 08ff 01', /runs over the end of its message/)
})

test('numbers that are too long or too large are refused', (t) => {
  refuses(t, '0a0d 1a0b 08 8080808080808080808000', /more than 10 bytes/)
  refuses(t, '0a0b 2a09 08 8080808080808010', /more than 53 bits/)
  refuses(t, '0a08 1a06 08 8080808010', /more than 32 bits/)
  t.deepEqual(decodeClientFrames(hex('0a0b 2a09 08 ffffffffffffff0f')), [
    { type: 'watch', users: [Number.MAX_SAFE_INTEGER] },
  ])
})

test('a number may be longer than it needs to be', (t) => {
  t.deepEqual(decodeClientFrames(hex('0a05 1a03 08 8100')), [{ type: 'ack', upTo: 1 }])
})

test('strings that are not UTF-8 are refused', (t) => {
  for (const bytes of ['ff', 'c3', 'c0af', 'eda080', 'f4908080', '61e282']) {
    const length = `0${bytes.length / 2}`.slice(-2)
    const inner = `0${bytes.length / 2 + 2}`.slice(-2)
    const outer = `0${bytes.length / 2 + 4}`.slice(-2)
    refuses(t, `0a${outer} 12${inner} 0a${length} ${bytes}`, /a string is not UTF-8/)
  }
})

test('a replacement character that was sent as such is text', (t) => {
  t.like(decodeClientFrames(hex('0a07 1205 0a03 efbfbd'))[0], { id: '\ufffd' })
  t.like(decodeClientFrames(hex("0a08 1206 0a04 efbbbf'a'"))[0], { id: '\ufeffa' })
})

test('a field of number 0, a group or an unknown wire type is refused', (t) => {
  refuses(t, '00', /number 0/)
  refuses(t, '0a03 1a01 01', /number 0/)
  refuses(t, '0b', /wire type 3/)
  refuses(t, '0a03 1a01 0c', /wire type 4/)
  refuses(t, '0a03 1a01 4e', /wire type 6/)
})

test('a frame without a field and one with two are refused', (t) => {
  refuses(t, '0a00', /ClientFrame is empty/)
  refuses(t, '0a04 3a00 3a00', /runs over the end|of its message/)
})

test('an unknown frame has a name, and the frames beside it still decode', (t) => {
  t.deepEqual(decodeClientFrames(hex("0a023a00 | 0a05 a20602'ab' | 0a03 a00601 | 0a023a00")), [
    { type: 'ping' },
    { type: 'unknown', name: '100' },
    { type: 'unknown', name: '100' },
    { type: 'ping' },
  ])
})

test('unknown fields of every wire type, and known ones of a wrong one, are passed over', (t) => {
  const unknown = "f801 ffffffffffffffffff01 | f901 0102030405060708 | fa01 02'ab' | fd01 01020304"
  t.deepEqual(decodeClientFrames(hex(`${unknown} | 0a25 1a23 ${unknown} 0805`)), [{ type: 'ack', upTo: 5 }])
  t.deepEqual(decodeClientFrames(hex("0a05 1a03 0a01'a'")), [{ type: 'ack', upTo: 0 }])
})

test('of a field that comes twice the last one counts', (t) => {
  t.deepEqual(decodeClientFrames(hex('0a06 1a04 0801 0802')), [{ type: 'ack', upTo: 2 }])
  t.deepEqual(decodeClientFrames(hex('0a0c 220a 0a02 0801 0a02 1002 1200')), [
    { type: 'signal', to: { user: 0, device: 2 }, payload: new Uint8Array(0) },
  ])
})

test('fields that were left out are zero', (t) => {
  t.deepEqual(decodeClientFrames(hex('0a021200 0a020a00 0a022200')), [
    { type: 'send', id: '', to: 0, kind: 0, copies: [], about: [], urgent: false, ttl: 0, first: false },
    { type: 'connect', token: '', client: '', number: 0, lastMessageId: 0n },
    { type: 'signal', to: { user: 0, device: 0 }, payload: new Uint8Array(0) },
  ])
  t.deepEqual(decodeServerFrames(hex('0a021a00 0a024200')), [
    {
      type: 'deliver',
      seq: 0,
      envelope: {
        messageId: 0n,
        from: { user: 0, device: 0 },
        kind: 0,
        id: '',
        payload: new Uint8Array(0),
        sentAt: 0,
        about: [],
      },
    },
    { type: 'error', id: '', code: '', message: '', temporary: false, retryAfterMs: 0 },
  ])
})

test('lists of numbers are read packed, unpacked and mixed', (t) => {
  t.deepEqual(decodeClientFrames(hex('0a0b 2a09 0801 0a020203 08 ac02')), [{ type: 'watch', users: [1, 2, 3, 300] }])
  refuses(t, '0a06 2a04 0a01 8001', /runs over the end of its message/)
})

test('a kind of a later version stays a number', (t) => {
  t.like(decodeClientFrames(hex('0a04 1202 1809'))[0], { kind: 9 })
})

test('of a list that is too long one entry more than the limit is kept', (t) => {
  const copies = Array.from({ length: MAX_COPIES + 50 }, () => ({ device: 1, registrationId: 0, payload: hex('') }))
  const about = Array.from({ length: MAX_ABOUT + 50 }, () => 'a')
  const users = Array.from({ length: MAX_WATCHED + 50 }, (_, i) => i)
  const [sent, watched] = decodeClientFrames(
    encodeClientFrames([
      { ...send, copies, about },
      { type: 'watch', users },
    ]),
  )
  if (sent?.type !== 'send' || watched?.type !== 'watch') return t.fail()
  t.is(sent.copies.length, MAX_COPIES + 1)
  t.is(sent.about.length, MAX_ABOUT + 1)
  t.is(watched.users.length, MAX_WATCHED + 1)
})

test('the largest message full of the smallest copies leaves few of them in memory', (t) => {
  const bytes = new Uint8Array(MAX_MESSAGE_BYTES).fill(0x22)
  for (let i = 9; i < bytes.length; i += 2) bytes[i] = 0
  bytes.set(hex('0a fcff3f 12 f8ff3f'))
  const [frame] = decodeClientFrames(bytes)
  t.is(frame?.type === 'send' ? frame.copies.length : 0, MAX_COPIES + 1)
})

test('a client may not send more frames in a message than the limit', (t) => {
  const pings = (count: number) => Array.from({ length: count }, (): ClientFrame => ({ type: 'ping' }))
  t.is(decodeClientFrames(encodeClientFrames(pings(MAX_FRAMES))).length, MAX_FRAMES)
  t.throws(() => decodeClientFrames(encodeClientFrames(pings(MAX_FRAMES + 1))), { instanceOf: DecodeError })
})
