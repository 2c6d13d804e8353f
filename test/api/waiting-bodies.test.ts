import test from 'ava'
import type { RefusalError } from '../../src/shared/refusal.ts'
import { WaitingBodies } from '../../src/api/waiting-bodies.ts'
import type { BodyBounds, BodyPlace } from '../../src/api/waiting-bodies.ts'

const BOUNDS: BodyBounds = {
  maxWaiting: 3,
  maxWaitingPerPrefix: 2,
  maxWaitingPerUser: 1,
  maxBytes: 100,
  graceMs: 1_000,
  minBytesPerSecond: 10,
  timeoutMs: 60_000,
}

class Sender {
  readonly place: BodyPlace
  lost: string | undefined
  prods = 0

  constructor(bodies: WaitingBodies, prefix: string, bytes = 10) {
    this.place = bodies.take(prefix, bytes, this)
  }

  lose({ code }: RefusalError): void {
    this.lost = code
  }

  prod(): void {
    this.prods++
  }
}

function setUp(bounds: Partial<BodyBounds> = {}) {
  const time = { ms: 0 }
  const bodies = new WaitingBodies({ ...BOUNDS, ...bounds }, () => time.ms)
  const send = (prefix: string, bytes?: number): Sender => {
    const sender = new Sender(bodies, prefix, bytes)
    sender.place.begin(undefined)
    return sender
  }
  return { time, bodies, send }
}

const codeOf = (take: () => unknown): string | undefined => {
  try {
    take()
    return undefined
  } catch (error) {
    return (error as RefusalError).code
  }
}

test('a prefix has its share of the places, and the others have the rest', (t) => {
  const { send } = setUp()
  const first = send('a')
  send('a')
  t.is(
    codeOf(() => send('a')),
    'RATE_LIMITED',
  )
  send('b')
  first.place.arrived()
  t.is(
    codeOf(() => send('a')),
    undefined,
  )
})

test('what has arrived needs no place, but its room until it is answered', (t) => {
  const { bodies, send } = setUp()
  const whole = send('a', 60)
  whole.place.arrived()
  t.is(bodies.waiting, 0)
  t.is(
    codeOf(() => send('b', 50)),
    'OVERLOADED',
  )
  whole.place.release()
  whole.place.release()
  t.is(
    codeOf(() => send('b', 100)),
    undefined,
  )
  t.is(
    codeOf(() => send('c', 1)),
    'OVERLOADED',
  )
})

test('where all places are taken, the slowest that is past its grace gives way', (t) => {
  const { time, bodies, send } = setUp()
  const slow = send('a')
  const fast = send('b')
  fast.place.progressed(5)
  time.ms = 999
  const young = send('c')
  t.is(
    codeOf(() => send('d')),
    'OVERLOADED',
    'all are young',
  )
  time.ms = 1_000
  send('d')
  t.deepEqual(
    [slow, fast, young].map(({ lost }) => lost),
    ['OVERLOADED', undefined, undefined],
  )
  send('e')
  t.is(fast.lost, 'OVERLOADED')
  t.is(bodies.waiting, 3)
})

test('a body that comes below the least rate loses its place, and one at it is kept alive', (t) => {
  const { time, bodies, send } = setUp()
  const [slow, fast] = [send('a'), send('b')]
  time.ms = 1_000
  bodies.sweep()
  t.deepEqual([slow.lost, slow.prods], [undefined, 1], 'within its grace')
  time.ms = 2_000
  slow.place.progressed(9)
  fast.place.progressed(10)
  bodies.sweep()
  t.deepEqual([slow.lost, fast.lost, fast.prods], ['REQUEST_TIMEOUT', undefined, 2])
  fast.place.progressed(1_000_000)
  time.ms = 60_000
  bodies.sweep()
  t.is(fast.lost, 'REQUEST_TIMEOUT', 'however fast')
  t.is(bodies.waiting, 0)
})

test('a body that the node itself holds back loses nothing by it', (t) => {
  const { time, bodies } = setUp({ maxWaiting: 1 })
  const held = new Sender(bodies, 'a')
  time.ms = 30_000
  bodies.sweep()
  t.is(
    codeOf(() => new Sender(bodies, 'b')),
    'OVERLOADED',
  )
  t.is(held.lost, undefined)
  held.place.begin(undefined)
  bodies.sweep()
  t.is(held.lost, undefined, 'its time begins now')
})

test('a user has so many bodies on their way, whichever addresses they come from', (t) => {
  const { bodies } = setUp()
  const first = new Sender(bodies, 'a')
  first.place.begin(7)
  const second = new Sender(bodies, 'b')
  t.is(
    codeOf(() => second.place.begin(7)),
    'RATE_LIMITED',
  )
  second.place.release()
  first.place.arrived()
  t.is(
    codeOf(() => new Sender(bodies, 'b').place.begin(7)),
    undefined,
  )
})
