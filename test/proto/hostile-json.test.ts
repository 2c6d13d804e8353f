import test from 'ava'
import type { ExecutionContext } from 'ava'
import { DecodeError, decodeClientFramesJson, decodeServerFramesJson } from '../../proto/codec.ts'
import {
  MAX_ABOUT,
  MAX_COPIES,
  MAX_FRAMES,
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  MAX_NAME_CHARS,
} from '../../proto/limits.ts'

function frame(json: string) {
  return decodeClientFramesJson(`{"frames":[${json}]}`)[0]
}

function refuses(t: ExecutionContext, text: string, message: RegExp): void {
  t.throws(() => decodeClientFramesJson(text), { instanceOf: DecodeError, message })
}

function refusesFrame(t: ExecutionContext, json: string, message: RegExp): void {
  refuses(t, `{"frames":[{"ping":{}},${json}]}`, message)
}

test('what is no JSON is refused, and its text stays out of the error', (t) => {
  for (const text of ['', '{', '{"frames":[}', 'secret', '{"a":1}x']) refuses(t, text, /^The message is not JSON$/)
})

test('what is JSON and no batch is refused', (t) => {
  for (const text of ['null', '1', '"a"', 'true']) refuses(t, text, /The message is/)
  for (const text of ['[]', '[{"ping":{}}]']) refuses(t, text, /The message is not an object/)
  refuses(t, '{"frames":{}}', /frames is not an array/)
  refuses(t, '{"frames":[null]}', /frames\[0\] is null/)
  refuses(t, '{"frames":["ping"]}', /frames\[0\] is not an object/)
})

test('a frame with no member, or with several, is refused', (t) => {
  refusesFrame(t, '{}', /^frames\[1\] has 0 members, not one$/)
  refusesFrame(t, '{"ping":null}', /has 0 members/)
  refusesFrame(t, '{"ping":{},"ack":{}}', /has 2 members/)
  t.deepEqual(frame('{"send":null,"ack":{}}'), { type: 'ack', upTo: 0 })
})

test('the error names the path', (t) => {
  refusesFrame(t, '{"send":{"copies":[{},{"payload":"%"}]}}', /^frames\[1\]\.send\.copies\[1\]\.payload is not base64$/)
})

test('values of a wrong type are refused', (t) => {
  refusesFrame(t, '{"ping":[]}', /ping is not an object/)
  refusesFrame(t, '{"ping":5}', /ping is not an object/)
  refusesFrame(t, '{"ack":{"upTo":[1]}}', /upTo is not an unsigned integer/)
  refusesFrame(t, '{"ack":{"upTo":true}}', /upTo is not an unsigned integer/)
  refusesFrame(t, '{"send":{"id":5}}', /id is not a string/)
  refusesFrame(t, '{"send":{"urgent":1}}', /urgent is not true or false/)
  refusesFrame(t, '{"send":{"urgent":"true"}}', /urgent is not true or false/)
  refusesFrame(t, '{"send":{"about":"a"}}', /about is not an array/)
  refusesFrame(t, '{"send":{"about":[null]}}', /about\[0\] is null/)
  refusesFrame(t, '{"send":{"to":15550000002}}', /to is not an object/)
  refusesFrame(t, '{"send":{"copies":[{"payload":7}]}}', /payload is not a string/)
  refusesFrame(t, '{"send":{"kind":"NOTHING"}}', /kind is not one of its names/)
  refusesFrame(t, '{"send":{"kind":true}}', /kind is not an unsigned integer/)
})

test('numbers that are negative, broken, too large or not exact are refused', (t) => {
  for (const value of [
    '-1',
    '0.5',
    '1e400',
    '9007199254740992',
    '"-1"',
    '"1.5"',
    '"1e3"',
    '"01"',
    '""',
    '" 1"',
    '"0x1"',
  ]) {
    refusesFrame(t, `{"watch":{"users":[${value}]}}`, /users\[0\] is not an unsigned integer/)
    refusesFrame(t, `{"connect":{"lastMessageId":${value}}}`, /lastMessageId is not an unsigned integer/)
  }
  refusesFrame(t, `{"watch":{"users":["${'9'.repeat(100_000)}"]}}`, /users\[0\] is not/)
  refusesFrame(t, '{"watch":{"users":["9007199254740992"]}}', /users\[0\] is not/)
  refusesFrame(t, '{"ack":{"upTo":4294967296}}', /upTo has more than 32 bits/)
  refusesFrame(t, '{"connect":{"lastMessageId":"18446744073709551616"}}', /lastMessageId is not/)
})

test('integers come as text or as numbers', (t) => {
  t.deepEqual(frame('{"watch":{"users":["1",2,3.0,"9007199254740991",1e3,-0]}}'), {
    type: 'watch',
    users: [1, 2, 3, Number.MAX_SAFE_INTEGER, 1_000, 0],
  })
  t.deepEqual(frame('{"ack":{"upTo":"7"}}'), { type: 'ack', upTo: 7 })
  t.like(frame('{"connect":{"lastMessageId":"18446744073709551615"}}'), { lastMessageId: 2n ** 64n - 1n })
  t.like(frame('{"connect":{"lastMessageId":42}}'), { lastMessageId: 42n })
})

test('bytes come in either alphabet, padded or not', (t) => {
  const payload = (text: string) => frame(`{"signal":{"payload":"${text}"}}`)
  for (const text of ['++/w', '--_w', '-+_w']) t.like(payload(text), { payload: new Uint8Array([0xfb, 0xef, 0xf0]) })
  for (const text of ['/w==', '_w==', '/w', '_w']) t.like(payload(text), { payload: new Uint8Array([0xff]) })
  t.like(payload(''), { payload: new Uint8Array(0) })
  for (const text of ['a', 'aaaaa', '/w=', '=', '====', 'aa=a', 'aa aa', 'a\\naa', '\\u00e9aaa', 'aaa==']) {
    refusesFrame(t, `{"signal":{"payload":"${text}"}}`, /payload is not base64/)
  }
  refusesFrame(t, `{"signal":{"payload":"${'A'.repeat(1_000_000)}!"}}`, /payload is not base64/)
})

test('text with half of a surrogate pair is refused', (t) => {
  refusesFrame(t, String.raw`{"send":{"id":"\ud800"}}`, /id has half of a surrogate pair/)
  t.like(frame(String.raw`{"send":{"id":"\ud83d\ude00"}}`), { id: '😀' })
})

test('names of the schema are accepted beside those of JSON', (t) => {
  t.deepEqual(frame('{"ack":{"up_to":7}}'), { type: 'ack', upTo: 7 })
  t.deepEqual(decodeServerFramesJson('{"frames":[{"caught_up":{}}]}'), [{ type: 'caughtUp' }])
})

test('null and left out are zero, unknown fields are passed over, and of a name that comes twice the last one counts', (t) => {
  const zero = { type: 'send', id: '', to: 0, kind: 0, copies: [], about: [], urgent: false, ttl: 0, first: false }
  t.deepEqual(frame('{"send":{}}'), zero)
  const names = ['id', 'to', 'kind', 'copies', 'about', 'urgent', 'ttl', 'first', 'news']
  t.deepEqual(frame(`{"send":{${names.map((name) => `"${name}":null`).join()}}}`), zero)
  t.deepEqual(frame('{"ack":{"upTo":1,"upTo":2,"news":[{}],"__proto__":{"upTo":3}}}'), { type: 'ack', upTo: 2 })
})

test('a kind is a name or a number', (t) => {
  t.like(frame('{"send":{"kind":"READ"}}'), { kind: 2 })
  t.like(frame('{"send":{"kind":2}}'), { kind: 2 })
  t.like(frame('{"send":{"kind":9}}'), { kind: 9 })
})

test('an unknown frame has a name, cut to a bounded length, and the frames beside it still decode', (t) => {
  const long = 'x'.repeat(1_000)
  t.deepEqual(decodeClientFramesJson(`{"frames":[{"news":1},{"constructor":{}},{"${long}":{}},{"ping":{}}]}`), [
    { type: 'unknown', name: 'news' },
    { type: 'unknown', name: 'constructor' },
    { type: 'unknown', name: long.slice(0, MAX_NAME_CHARS) },
    { type: 'ping' },
  ])
})

test('what is nested deeper than any frame is refused before it is parsed', (t) => {
  const nested = (depth: number) => `{"ack":{"news":${'['.repeat(depth)}${']'.repeat(depth)}}}`
  // The frame stands in the batch, in its list, in a frame, and is an object.
  t.deepEqual(frame(nested(MAX_JSON_DEPTH - 4)), { type: 'ack', upTo: 0 })
  for (const depth of [MAX_JSON_DEPTH - 3, 200_000]) {
    refusesFrame(t, nested(depth), /^The message is nested more than 32 deep$/)
  }
  refuses(t, '{"a":'.repeat(100_000), /nested more than 32 deep/)
})

test('a message of more values than frames have is refused before it is parsed, however they are hidden', (t) => {
  const news = (value: string, count: number) => `{"ack":{"news":[${`${value},`.repeat(count)}0]}}`
  t.deepEqual(frame(news('0', MAX_JSON_VALUES - 20)), { type: 'ack', upTo: 0 })
  for (const value of ['0', '[]', '{}', '{"34":0}', String.raw`"\""`, String.raw`"\\","\\"`]) {
    refusesFrame(t, news(value, MAX_JSON_VALUES), /^The message has more than 65536 values$/)
  }
})

test('brackets, commas and quotes within texts are none', (t) => {
  const text = JSON.stringify('[{,"\\"'.repeat(50_000))
  t.deepEqual(frame(`{"ack":{"news":${text},"upTo":3}}`), { type: 'ack', upTo: 3 })
  refuses(t, '{"frames":["', /^The message is not JSON$/)
})

test('lists are bounded as in the binary encoding', (t) => {
  const list = (count: number, entry: string) => Array.from({ length: count }, () => entry).join()
  const sent = frame(`{"send":{"copies":[${list(MAX_COPIES + 50, '{}')}],"about":[${list(MAX_ABOUT + 50, '"a"')}]}}`)
  if (sent?.type !== 'send') return t.fail()
  t.is(sent.copies.length, MAX_COPIES + 1)
  t.is(sent.about.length, MAX_ABOUT + 1)
  refuses(t, `{"frames":[${list(MAX_FRAMES + 1, '{"ping":{}}')}]}`, /frames are more than/)
})
