import test from 'ava'
import { ChaosRecord } from './record.ts'
import type { PhaseRecord } from './record.ts'

const ada = { name: 'Ada' }
const ben = { name: 'Ben' }

test('a stall belongs to the fault in which it began, its message to the one in which it was sent', (t) => {
  const { record, at } = start()
  record.sent('m1', ada, ben)
  at(100)
  record.begin('kill')
  at(150)
  record.sent('m2', ada, ben)
  at(400)
  record.begin('freeze')
  at(1_150)
  record.accepted('m2', ada)
  at(3_150)
  record.displayed('m2', ben)
  at(3_200)
  record.accepted('m1', ada)
  const [none, kill, freeze] = record.phases as [PhaseRecord, PhaseRecord, PhaseRecord]
  t.deepEqual([none.sent, none.accepted, kill.sent, kill.accepted, kill.displayed], [1, 1, 1, 1, 1])
  t.deepEqual([none.longestToAcceptedMs, kill.longestToAcceptedMs, freeze.longestToAcceptedMs], [3_200, 1_000, 0])
  t.deepEqual([kill.longestToDisplayedMs, freeze.longestToDisplayedMs], [0, 2_000])
})

test('time in which somebody wants to be away is no stall, time in which it is cut off is one', (t) => {
  const { record, at } = start()
  record.moved(ben, true)
  record.sent('m1', ada, ben)
  record.accepted('m1', ada)
  at(60_000)
  record.moved(ben, false)
  at(60_200)
  record.connection(ben, false)
  at(61_000)
  record.connection(ben, true)
  record.displayed('m1', ben)
  t.is(record.phases[0]!.longestToDisplayedMs, 1_000)
})

test('a reconnect is measured from the first loss to the next session, unless its device has left', (t) => {
  const { record, at } = start()
  record.begin('kill')
  at(100)
  record.connection(ben, false)
  at(500)
  record.connection(ben, false)
  record.begin('freeze')
  at(900)
  record.connection(ben, true)
  record.connection(ada, false)
  record.moved(ada, true)
  at(5_000)
  record.moved(ada, false)
  record.connection(ada, true)
  const [, kill, freeze] = record.phases as [PhaseRecord, PhaseRecord, PhaseRecord]
  t.deepEqual([kill.reconnects.count, kill.reconnects.percentileMs(0.99)], [1, 800])
  t.is(freeze.reconnects.count, 0)
})

test('findings are counted by the fault in which their messages were sent', (t) => {
  const { record } = start()
  record.begin('kill')
  record.sent('m1', ada, ben)
  const none = {
    duplicated: [],
    outOfOrder: [],
    unaccepted: [],
    undelivered: [],
    unread: [],
    movedBack: [],
    stopped: [],
  }
  const counts = record.countFindings({ ...none, lost: ['m1'], unsent: ['unknown'] })
  const [first, kill] = record.phases as [PhaseRecord, PhaseRecord]
  t.deepEqual([counts.get(first)?.lost, counts.get(kill)?.lost], [0, 1])
  t.is(counts.get(first)?.unsent, 1)
})

/** A record with both people online, at 0 ms. */
function start(): { record: ChaosRecord; at: (ms: number) => void } {
  let now = 0
  const record = new ChaosRecord(() => now)
  for (const person of [ada, ben]) record.connection(person, true)
  return { record, at: (ms) => (now = ms) }
}
