import test from 'ava'
import {
  decodeClientFrames,
  decodeClientFramesJson,
  decodeServerFrames,
  decodeServerFramesJson,
  encodeClientFrames,
  encodeClientFramesJson,
  encodeServerFrames,
  encodeServerFramesJson,
} from '../../proto/codec.ts'
import { Kind } from '../../proto/frames.ts'
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'
import { hex } from './helpers/hex.ts'

/** Computed by hand from parley.proto and the encoding guide: batch, frame, then its fields with a bar before each. */
interface Golden<T> {
  readonly frame: T
  readonly bytes: string
  readonly json: string
}

const clientFrames: readonly Golden<ClientFrame>[] = [
  {
    frame: { type: 'connect', token: 'tok', client: 'cli/1', number: 300, lastMessageId: 0x7102030405060708n },
    bytes: "0a1a 0a18 | 0a03'tok' | 1205'cli/1' | 18ac02 | 210807060504030271",
    json: '{"connect":{"token":"tok","clientVersion":"cli/1","number":"300","lastMessageId":"8143074392038311688"}}',
  },
  {
    frame: {
      type: 'send',
      id: '6f9619ff-8b86-4d11-b42d-00c04fc964ff',
      to: 999_999_999_999_999,
      kind: Kind.STATUS,
      copies: [
        { device: 1, registrationId: 9_001, payload: hex('fbeff0') },
        { device: 2, registrationId: 0, payload: hex('') },
      ],
      about: ['a', 'b'],
      urgent: true,
      ttl: 60,
      first: true,
    },
    bytes:
      "0a51 124f | 0a24'6f9619ff-8b86-4d11-b42d-00c04fc964ff' | 1209 08ffff99a6eaafe301 | 1805" +
      "| 220a 0801 10a946 1a03fbeff0 | 2202 0802 | 2a01'a' | 2a01'b' | 3001 | 383c | 4001",
    json:
      '{"send":{"id":"6f9619ff-8b86-4d11-b42d-00c04fc964ff","to":{"user":"999999999999999"},"kind":"STATUS",' +
      '"copies":[{"device":1,"registrationId":9001,"payload":"++/w"},{"device":2}],"about":["a","b"],"urgent":true,' +
      '"ttl":60,"first":true}}',
  },
  { frame: { type: 'ack', upTo: 0xffff_ffff }, bytes: '0a08 1a06 | 08ffffffff0f', json: '{"ack":{"upTo":4294967295}}' },
  {
    frame: { type: 'signal', to: { user: 7, device: 0 }, payload: hex('ff') },
    bytes: '0a09 2207 | 0a02 0807 | 1201ff',
    json: '{"signal":{"to":{"user":"7"},"payload":"/w=="}}',
  },
  {
    frame: { type: 'watch', users: [1, 300] },
    bytes: '0a07 2a05 | 0a03 01 ac02',
    json: '{"watch":{"users":["1","300"]}}',
  },
  { frame: { type: 'unwatch', users: [] }, bytes: '0a02 3200', json: '{"unwatch":{}}' },
  { frame: { type: 'ping' }, bytes: '0a02 3a00', json: '{"ping":{}}' },
]

const serverFrames: readonly Golden<ServerFrame>[] = [
  {
    frame: {
      type: 'connected',
      session: 's',
      user: 7,
      device: 2,
      serverTime: 1_790_000_000_000,
      pending: 1_000,
      restoredAt: 0,
      restoredTo: 0,
    },
    bytes: "0a13 0a11 | 0a01's' | 1007 | 1802 | 2080d8c1a28c34 | 28e807",
    json: '{"connected":{"session":"s","user":"7","device":2,"serverTime":"1790000000000","pending":1000}}',
  },
  {
    frame: { type: 'accepted', id: 'i', messageId: 0x7fff_ffff_ffff_ffffn, at: 1, delivered: [1, 2] },
    bytes: "0a14 1212 | 0a01'i' | 11ffffffffffffff7f | 1801 | 22020102",
    json: '{"accepted":{"id":"i","messageId":"9223372036854775807","at":"1","delivered":[1,2]}}',
  },
  {
    frame: {
      type: 'deliver',
      seq: 3,
      envelope: {
        messageId: 1n,
        from: { user: 300, device: 1 },
        kind: Kind.DELIVERED,
        id: 'é',
        payload: hex('00'),
        sentAt: 2,
        about: ['x'],
      },
    },
    bytes:
      "0a24 1a22 | 0803 | 121e | 090100000000000000 | 1205 08ac02 1001 | 1801 | 2202c3a9 | 2a0100 | 3002 | 3a01'x'",
    json:
      '{"deliver":{"seq":3,"envelope":{"messageId":"1","from":{"user":"300","device":1},"kind":"DELIVERED","id":"é",' +
      '"payload":"AA==","sentAt":"2","about":["x"]}}}',
  },
  { frame: { type: 'caughtUp' }, bytes: '0a02 2200', json: '{"caughtUp":{}}' },
  {
    frame: { type: 'presence', user: 7, online: true, lastSeen: 1 },
    bytes: '0a08 2a06 | 0807 | 1001 | 1801',
    json: '{"presence":{"user":"7","online":true,"lastSeen":"1"}}',
  },
  {
    frame: { type: 'signal', from: { user: 7, device: 3 }, payload: hex('01') },
    bytes: '0a0b 3209 | 0a04 0807 1003 | 120101',
    json: '{"signal":{"from":{"user":"7","device":3},"payload":"AQ=="}}',
  },
  { frame: { type: 'pong' }, bytes: '0a02 3a00', json: '{"pong":{}}' },
  {
    frame: {
      type: 'error',
      id: 'i',
      code: 'C',
      message: 'm',
      temporary: true,
      retryAfterMs: 5,
      details: { devices: { missing: [1], extra: [2, 3], stale: [] }, number: 0 },
    },
    bytes: "0a1c 421a | 0a01'i' | 1201'C' | 1a01'm' | 2001 | 2805 | 320b 0a07 0a0101 12020203 1000",
    json:
      '{"error":{"id":"i","code":"C","message":"m","temporary":true,"retryAfterMs":5,' +
      '"details":{"devices":{"missing":[1],"extra":[2,3]},"number":"0"}}}',
  },
  {
    frame: { type: 'goaway', reconnectAfterMs: 1 },
    bytes: '0a04 4a02 | 0801',
    json: '{"goaway":{"reconnectAfterMs":1}}',
  },
]

for (const { frame, bytes, json } of clientFrames) {
  test(`a client's ${frame.type} has its bytes and its JSON`, (t) => {
    t.deepEqual(encodeClientFrames([frame]).slice(), hex(bytes))
    t.deepEqual(decodeClientFrames(hex(bytes)), [frame])
    t.is(encodeClientFramesJson([frame]), `{"frames":[${json}]}`)
    t.deepEqual(decodeClientFramesJson(`{"frames":[${json}]}`), [frame])
  })
}

for (const { frame, bytes, json } of serverFrames) {
  test(`a server's ${frame.type} has its bytes and its JSON`, (t) => {
    t.deepEqual(encodeServerFrames([frame]).slice(), hex(bytes))
    t.deepEqual(decodeServerFrames(hex(bytes)), [frame])
    t.is(encodeServerFramesJson([frame]), `{"frames":[${json}]}`)
    t.deepEqual(decodeServerFramesJson(`{"frames":[${json}]}`), [frame])
  })
}

test('a batch is its frames one after the other, and an empty one is nothing', (t) => {
  const frames = clientFrames.map((golden) => golden.frame)
  t.deepEqual(encodeClientFrames(frames).slice(), hex(clientFrames.map((golden) => golden.bytes).join('')))
  t.deepEqual(decodeClientFrames(hex(clientFrames.map((golden) => golden.bytes).join(''))), frames)
  t.is(encodeClientFrames([]).length, 0)
  t.deepEqual(decodeClientFrames(hex('')), [])
  t.is(encodeServerFramesJson([]), '{"frames":[]}')
  for (const empty of ['{}', '{"frames":null}', '{"frames":[]}']) t.deepEqual(decodeServerFramesJson(empty), [])
})
