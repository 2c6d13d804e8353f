import test from 'ava'
import { fateOf } from '../../client/fate.ts'
import { CloseCode } from '../../proto/close-codes.ts'

const PROGRESS = ['opening', 'asking', 'online'] as const
/** What each code means before `connect` went out, as its answer, and in a session. */
const TABLE: readonly (readonly [code: number, ...fates: ReturnType<typeof fateOf>[]])[] = [
  ...[1000, 1001, 1006, 1008, 1011, 1012, 1015, 3000, 3999].map((code) => [code, 'lost', 'lost', 'lost'] as const),
  [CloseCode.SERVER_ERROR, 'lost', 'lost', 'lost'],
  [CloseCode.DRAINING, 'lost', 'lost', 'lost'],
  [CloseCode.SLOW_CONSUMER, 'lost', 'lost', 'lost'],
  [CloseCode.NO_PONG, 'lost', 'lost', 'lost'],
  [CloseCode.OVERLOADED, 'lost', 'lost', 'lost'],
  [4499, 'lost', 'lost', 'lost'],
  [CloseCode.PROTOCOL_ERROR, 'lost', 'stop', 'fault'],
  [CloseCode.TOO_LARGE, 'lost', 'stop', 'fault'],
  [CloseCode.UNAUTHENTICATED, 'lost', 'stop', 'fault'],
  [CloseCode.REPLACED, 'lost', 'stop', 'stop'],
  [CloseCode.DEVICE_REMOVED, 'lost', 'stop', 'stop'],
  [4505, 'lost', 'stop', 'fault'],
  [4777, 'lost', 'stop', 'fault'],
  [4999, 'lost', 'stop', 'fault'],
  [5000, 'lost', 'lost', 'lost'],
]

test('what a close code means depends on how far the connection had come', (t) => {
  for (const [code, ...fates] of TABLE) {
    t.deepEqual(
      PROGRESS.map((progress) => fateOf(code, progress)),
      fates,
      String(code),
    )
  }
})

test('the table has every code of the protocol', (t) => {
  const known = new Set(TABLE.map(([code]) => code))
  t.deepEqual(
    Object.entries(CloseCode).filter(([, code]) => !known.has(code)),
    [],
  )
})

test('nothing but a terminal code ever stops a client', (t) => {
  for (let code = 0; code <= 65_535; code++) {
    if (code >= 4_500 && code <= 4_999) continue
    for (const progress of PROGRESS) if (fateOf(code, progress) !== 'lost') t.fail(`${code} ${progress}`)
  }
  t.pass()
})
