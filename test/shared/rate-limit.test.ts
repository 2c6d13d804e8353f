import test from 'ava'
import * as fc from 'fast-check'
import { RateLimiter } from '../../src/shared/rate-limit.ts'

function createClock() {
  let time = 1_000
  return { now: () => time, set: (ms: number) => void (time = ms), advance: (ms: number) => void (time += ms) }
}

test('the burst passes at once, and what was taken comes back with time', (t) => {
  const clock = createClock()
  const limiter = new RateLimiter({ burst: 3, perSecond: 2 }, clock)
  t.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('a')),
    [{ ok: true }, { ok: true }, { ok: true }, { ok: false, retryAfterMs: 500 }],
  )
  clock.advance(499)
  t.deepEqual(limiter.take('a'), { ok: false, retryAfterMs: 1 })
  clock.advance(1)
  t.true(limiter.take('a').ok)
  t.false(limiter.take('a').ok)
  clock.advance(60_000)
  t.is([1, 2, 3, 4].filter(() => limiter.take('a').ok).length, 3)
})

test('keys have buckets of their own', (t) => {
  const limiter = new RateLimiter({ burst: 1, perSecond: 1 }, createClock())
  t.true(limiter.take('a').ok)
  t.true(limiter.take('b').ok)
  t.false(limiter.take('a').ok)
})

test('what did not happen is given back, up to the burst', (t) => {
  const limiter = new RateLimiter({ burst: 2, perSecond: 1 }, createClock())
  limiter.take('a', 2)
  limiter.giveBack('a', 1)
  t.true(limiter.take('a').ok)
  limiter.giveBack('a', 100)
  t.true(limiter.take('a', 2).ok)
  t.false(limiter.take('a').ok)
})

test('a clock that steps back neither refills nor blocks', (t) => {
  const clock = createClock()
  const limiter = new RateLimiter({ burst: 1, perSecond: 1 }, clock)
  limiter.take('a')
  clock.set(0)
  t.deepEqual(limiter.take('a'), { ok: false, retryAfterMs: 1_000 })
  clock.advance(1_000)
  t.true(limiter.take('a').ok)
})

test('memory is bounded: the key not used for longest is forgotten', (t) => {
  const limiter = new RateLimiter({ burst: 1, perSecond: 0.001 }, createClock(), 2)
  limiter.take('a')
  limiter.take('b')
  limiter.take('c')
  t.false(limiter.take('c').ok)
  t.false(limiter.take('b').ok)
  t.true(limiter.take('a').ok)
})

test('in no time more passes than the burst and the rate allow, and a told wait is enough', (t) => {
  const steps = fc.array(
    fc.record({ waitMs: fc.integer({ min: 0, max: 2_000 }), tokens: fc.integer({ min: 1, max: 5 }) }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 50 }), fc.integer({ min: 1, max: 100 }), steps, (burst, perSecond, taken) => {
      const clock = createClock()
      const start = clock.now()
      const limiter = new RateLimiter({ burst, perSecond }, clock)
      let passed = 0
      for (const { waitMs, tokens } of taken) {
        clock.advance(waitMs)
        const decision = limiter.take('a', tokens)
        if (decision.ok) passed += tokens
        else {
          clock.advance(decision.retryAfterMs)
          if (!limiter.take('a', tokens).ok) return false
          passed += tokens
        }
        if (passed > burst + ((clock.now() - start) / 1_000) * perSecond + 1e-6) return false
      }
      return true
    }),
  )
  t.pass()
})

test('as much as the burst may be owed, and is paid back before anything can be taken', (t) => {
  const clock = createClock()
  const bucket = new RateLimiter({ burst: 10, perSecond: 5 }, clock).bucket('a')
  t.true(bucket.owe(10))
  t.is(bucket.owedMs, 0)
  t.true(bucket.owe(10))
  t.is(bucket.owedMs, 2_000)
  t.false(bucket.owe(1))
  t.is(bucket.owedMs, 2_000)
  clock.advance(1_000)
  t.true(bucket.owe(1))
  t.deepEqual(bucket.take(1), { ok: false, retryAfterMs: 1_400 })
  clock.advance(1_400)
  t.true(bucket.take(1).ok)
})
