import test from 'ava'
import * as fc from 'fast-check'
import { Outbox, defaultOutbox } from '../../client/outbox.ts'
import type { OutboxEntry } from '../../client/outbox-entry.ts'
import { Kind } from '../../proto/frames.ts'

const temporary = { code: 'OVERLOADED', temporary: true, retryAfterMs: 1_000 }
const resend = { code: 'RESEND_FROM_FIRST', temporary: true, retryAfterMs: 0 }
const unknownUser = { code: 'UNKNOWN_USER', temporary: false, retryAfterMs: 0 }
const devicesChanged = { code: 'DEVICES_CHANGED', temporary: false, retryAfterMs: 0 }

let nextOrder = 0

function entry(id: string, to = 1, sealed = true): OutboxEntry {
  nextOrder += 1
  const content = new Uint8Array(10)
  return { id, order: nextOrder, to, kind: Kind.MESSAGE, content, about: [], copies: [], sealed }
}

function outboxWith(...ids: string[]): Outbox {
  const outbox = new Outbox(() => 0)
  for (const id of ids) outbox.add(entry(id))
  return outbox
}

/** Ids of what is to be encrypted, by conversation. */
function takeUnsealed(outbox: Outbox, now = 0, limit = 64): string[][] {
  return outbox.takeUnsealed(now, limit).map((entries) => entries.map(({ id }) => id))
}

/** Encrypts an entry as far as the outbox can tell. */
function seal(outbox: Outbox, ...ids: string[]): void {
  const entries = ids.map((id) => ({ ...(outbox.find(id) as OutboxEntry), sealed: true }))
  outbox.sealed(entries[0]?.to ?? 1, entries)
}

function take(outbox: Outbox, now = 0): string[] {
  return outbox.take(now).map(({ entry: { id }, first }) => (first ? `${id}!` : id))
}

test('sends go in order and only the first of an idle conversation is marked so', (t) => {
  const outbox = outboxWith('a', 'b')
  outbox.add(entry('x', 2))
  t.deepEqual(take(outbox), ['a!', 'x!', 'b'])
  outbox.accepted('a')
  outbox.add(entry('c'))
  t.deepEqual(take(outbox), ['c'])
  for (const id of ['b', 'c']) outbox.accepted(id)
  outbox.add(entry('d'))
  t.deepEqual(take(outbox), ['d!'])
})

test('after a refusal everything outstanding is answered and then resent from the first refused one', (t) => {
  const outbox = outboxWith('a', 'b', 'c', 'd')
  take(outbox)
  outbox.accepted('a')
  outbox.refused('b', temporary, 0)
  outbox.refused('c', resend, 0)
  outbox.add(entry('e'))
  t.deepEqual(take(outbox, 5_000), [], 'd has no answer yet')
  outbox.refused('d', resend, 0)
  t.deepEqual(take(outbox, 999), [], 'the time that the server asked for')
  t.is(outbox.nextResumeAt(), 1_000)
  t.deepEqual(take(outbox, 1_000), ['b!', 'c', 'd', 'e'])
})

test('what is under way has a bound in bytes too, and one send that is larger goes alone', (t) => {
  const outbox = new Outbox(() => 0, { ...defaultOutbox, windowBytes: 1_000 })
  const sized = (id: string, bytes: number, to = 1): OutboxEntry => ({
    ...entry(id, to),
    copies: [{ device: 1, registrationId: 0, payload: new Uint8Array(bytes) }],
  })
  for (const one of [sized('a', 400), sized('b', 300), sized('c', 300), sized('large', 5_000), sized('d', 10)])
    outbox.add(one)
  t.deepEqual(take(outbox), ['a!', 'b'])
  t.true(outbox.unansweredBytes >= 700 && outbox.unansweredBytes <= 1_000)
  outbox.accepted('a')
  t.deepEqual(take(outbox), ['c'])
  outbox.accepted('b')
  t.deepEqual(take(outbox), [], 'the large one waits for all before it')
  outbox.accepted('c')
  t.deepEqual(take(outbox), ['large!'])
  t.deepEqual(take(outbox), [])
  outbox.refused('large', resend, 0)
  t.is(outbox.unansweredBytes, 0)
  t.deepEqual(take(outbox), ['large!'])
  outbox.restart()
  t.is(outbox.unansweredBytes, 0)
  t.deepEqual(take(outbox), ['large!'])
  outbox.accepted('large')
  t.deepEqual(take(outbox), ['d!'])
  outbox.accepted('d')
  t.is(outbox.unansweredBytes, 0)
})

test('a refusal of one conversation holds no other one back', (t) => {
  const outbox = outboxWith('a')
  take(outbox)
  outbox.refused('a', temporary, 0)
  outbox.add(entry('x', 2))
  t.deepEqual(take(outbox), ['x!'])
})

test('what a full mailbox has no room for waits for minutes, longer each time, and nobody else waits with it', (t) => {
  const full = { code: 'MAILBOX_FULL', temporary: true, retryAfterMs: 60_000 }
  const outbox = outboxWith('a', 'b')
  outbox.add(entry('x', 2))
  t.deepEqual(take(outbox), ['a!', 'x!', 'b'])
  t.false(outbox.isFull(1))
  let now = 0
  for (const waitMs of [60_000, 120_000, 240_000, 480_000, 900_000, 900_000]) {
    outbox.refused('a', full, now)
    outbox.refused('b', resend, now)
    t.true(outbox.isFull(1))
    t.deepEqual(take(outbox, now + waitMs - 1), [])
    now += waitMs
    t.deepEqual(take(outbox, now), ['a!', 'b'])
    // The server looks whether there is room again.
    outbox.refused('a', temporary, now)
    outbox.refused('b', resend, now)
    t.true(outbox.isFull(1))
    now += 60_000
    t.deepEqual(take(outbox, now), ['a!', 'b'])
  }
  t.false(outbox.isFull(2))
  outbox.accepted('a')
  t.false(outbox.isFull(1))
  outbox.refused('b', full, now)
  t.is(outbox.nextResumeAt(), now + 60_000)
})

test('a message that is refused for good is given back and the rest of the conversation goes on', (t) => {
  const outbox = outboxWith('a', 'b')
  take(outbox)
  t.is(outbox.refused('a', unknownUser, 0)?.id, 'a')
  t.is(outbox.refused('b', resend, 0), undefined)
  t.deepEqual(take(outbox), ['b!'])
})

test('after a change of devices all that waits is encrypted again, at once but not for ever', (t) => {
  const outbox = outboxWith('a', 'b')
  for (let round = 0; round < defaultOutbox.maxDeviceCorrections; round += 1) {
    t.deepEqual(take(outbox), ['a!', 'b'])
    t.is(outbox.refused('a', devicesChanged, 0), undefined)
    t.is(outbox.refused('b', resend, 0), undefined)
    t.deepEqual(take(outbox), [])
    t.deepEqual(takeUnsealed(outbox), [['a', 'b']])
    seal(outbox, 'a', 'b')
  }
  take(outbox)
  t.is(outbox.refused('a', devicesChanged, 0)?.id, 'a')
  t.is(outbox.refused('b', resend, 0), undefined)
  t.deepEqual(takeUnsealed(outbox), [['b']])
  seal(outbox, 'b')
  t.deepEqual(take(outbox), ['b!'])
})

test('what has no content is not encrypted again: a receipt goes as it is', (t) => {
  const outbox = outboxWith('a')
  outbox.add({ ...entry('r'), kind: Kind.READ, content: new Uint8Array(0) })
  take(outbox)
  outbox.refused('a', devicesChanged, 0)
  outbox.refused('r', resend, 0)
  t.deepEqual(takeUnsealed(outbox), [['a']])
  t.true(outbox.find('r')?.sealed)
})

test('nothing goes out before it is encrypted, and nothing overtakes what waits for that', (t) => {
  const outbox = new Outbox(() => 0)
  outbox.add(entry('a', 1, false))
  outbox.add(entry('b'))
  outbox.add(entry('x', 2))
  t.deepEqual(take(outbox), ['x!'])
  t.deepEqual(takeUnsealed(outbox), [['a']])
  t.deepEqual(takeUnsealed(outbox), [], 'it is being encrypted already')
  t.deepEqual(take(outbox), [])
  seal(outbox, 'a')
  t.deepEqual(take(outbox), ['a!', 'b'])
})

test('a conversation is encrypted in order, so many at a time, while others go on', (t) => {
  const outbox = new Outbox(() => 0)
  for (const id of ['a', 'b', 'c']) outbox.add(entry(id, 1, false))
  outbox.add(entry('x', 2, false))
  t.deepEqual(takeUnsealed(outbox, 0, 2), [['a', 'b'], ['x']])
  seal(outbox, 'x')
  t.deepEqual(take(outbox), ['x!'])
  seal(outbox, 'a')
  t.deepEqual(take(outbox), ['a!'])
  t.deepEqual(takeUnsealed(outbox, 0, 2), [['b', 'c']])
})

test('a conversation that cannot be encrypted now is asked again later, and later each time', (t) => {
  const outbox = new Outbox(() => 0)
  outbox.add(entry('a', 1, false))
  outbox.add(entry('x', 2, false))
  const delays: number[] = []
  let now = 0
  for (let round = 0; round < 4; round += 1) {
    t.true(takeUnsealed(outbox, now).some(([id]) => id === 'a'))
    outbox.putOff(1, 0, now)
    t.deepEqual(takeUnsealed(outbox, now), [])
    const resumeAt = outbox.nextResumeAt() ?? 0
    delays.push(resumeAt - now)
    now = resumeAt
  }
  t.deepEqual(delays, [500, 1_000, 2_000, 4_000])
  t.deepEqual(takeUnsealed(outbox, now), [['a']])
  outbox.putOff(1, 60_000, now)
  t.is(outbox.nextResumeAt(), now + 60_000)
  seal(outbox, 'x')
  t.deepEqual(take(outbox, now), ['x!'], 'the other conversation')
})

test('a conversation that waits for a person is not asked again by itself', (t) => {
  const outbox = new Outbox(() => 0)
  outbox.add(entry('a', 1, false))
  outbox.add(entry('b'))
  takeUnsealed(outbox)
  outbox.suspend(1)
  t.deepEqual(takeUnsealed(outbox, 1e12), [])
  t.deepEqual(take(outbox, 1e12), [])
  t.is(outbox.nextResumeAt(), undefined)
  outbox.resume(1)
  t.deepEqual(takeUnsealed(outbox), [['a']])
  seal(outbox, 'a')
  t.deepEqual(take(outbox), ['a!', 'b'])
})

test('a delay that the server asked for is not ended by what a person decides', (t) => {
  const outbox = outboxWith('a')
  take(outbox)
  outbox.refused('a', temporary, 0)
  outbox.resume(1)
  t.deepEqual(take(outbox, 999), [])
  t.deepEqual(take(outbox, 1_000), ['a!'])
})

test('what waits for a person is asked for again by a new session', (t) => {
  const outbox = new Outbox(() => 0)
  outbox.add(entry('a', 1, false))
  takeUnsealed(outbox)
  outbox.suspend(1)
  outbox.restart()
  t.deepEqual(takeUnsealed(outbox), [['a']])
})

test('devices that are left out are noted with all that has no answer', (t) => {
  const outbox = outboxWith('a', 'b')
  outbox.add(entry('x', 2))
  take(outbox)
  outbox.add(entry('c', 1, false))
  outbox.except(1, [2])
  outbox.except(1, [3, 4])
  outbox.except(5, [1])
  for (const id of ['a', 'b', 'c']) t.deepEqual(outbox.find(id)?.except, [2, 3, 4])
  t.is(outbox.find('x')?.except, undefined)
})

test('what was removed is not sent, holds nothing up, and frees its room', (t) => {
  const outbox = new Outbox(() => 0, { ...defaultOutbox, maxEntries: 2, maxBytes: 20 })
  outbox.add(entry('a', 1, false))
  outbox.add(entry('b'))
  t.false(outbox.hasRoom(1, 1))
  takeUnsealed(outbox)
  outbox.remove('a')
  outbox.remove('other')
  seal(outbox, 'b')
  t.true(outbox.hasRoom(10, 1))
  t.deepEqual(take(outbox), ['b!'])
  outbox.remove('b')
  t.is(outbox.size, 0)
  t.is(outbox.oldestUnansweredAt(), undefined)
  // What is under way to be encrypted may be gone when it is done.
  outbox.sealed(1, [entry('a')])
  t.is(outbox.find('a'), undefined)
})

test('a new session sends everything unaccepted again in order', (t) => {
  const outbox = outboxWith('a', 'b', 'c')
  take(outbox)
  outbox.accepted('b')
  outbox.refused('c', temporary, 0)
  outbox.restart()
  t.deepEqual(take(outbox), ['a!', 'c'])
})

test('an answer that nobody waits for changes nothing', (t) => {
  const outbox = outboxWith('a')
  t.is(outbox.refused('a', unknownUser, 0), undefined, 'never sent in this session')
  t.is(outbox.accepted('other'), undefined)
  take(outbox)
  outbox.accepted('a')
  t.is(outbox.refused('a', unknownUser, 0), undefined)
  t.is(outbox.size, 0)
})

test('a long conversation leaves places of the window to a short one', (t) => {
  const outbox = new Outbox(() => 0, { ...defaultOutbox, window: 2 })
  for (const id of ['a', 'b', 'c', 'd']) outbox.add(entry(id))
  t.deepEqual(take(outbox), ['a!', 'b'])
  outbox.add(entry('x', 2))
  outbox.accepted('a')
  outbox.accepted('b')
  t.deepEqual(take(outbox).toSorted(), ['c!', 'x!'])
})

test('the delays of refusals that name no time grow and start anew after a ✓', (t) => {
  const outbox = outboxWith('a')
  const silent = { code: 'INTERNAL', temporary: true, retryAfterMs: 0 }
  const delays: number[] = []
  let now = 0
  for (let round = 0; round < 8; round += 1) {
    take(outbox, now)
    outbox.refused('a', silent, now)
    const resumeAt = outbox.nextResumeAt() ?? 0
    delays.push(resumeAt - now)
    now = resumeAt
  }
  t.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  outbox.add(entry('b'))
  take(outbox, now)
  outbox.accepted('a')
  outbox.refused('b', silent, now)
  t.is(outbox.nextResumeAt(), now + 500)
})

test('a delay that the server names is never shortened, grows while it refuses, and is bounded', (t) => {
  const outbox = outboxWith('a')
  const refusedAt = (retryAfterMs: number, now: number): number => {
    take(outbox, now)
    outbox.refused('a', { ...temporary, retryAfterMs }, now)
    return (outbox.nextResumeAt() ?? 0) - now
  }
  t.deepEqual(
    [1_000, 1_000, 1_000, 1_000, 1_000].map((told, round) => refusedAt(told, round * 100_000)),
    [1_000, 1_000, 2_000, 4_000, 8_000],
  )
  t.is(refusedAt(20_000, 600_000), 20_000)
  t.is(refusedAt(1e12, 700_000), defaultOutbox.maxToldMs)
})

test('messages that are refused together count as one refusal', (t) => {
  const outbox = outboxWith('a', 'b', 'c')
  const delays = [0, 100_000, 200_000].map((now) => {
    take(outbox, now)
    for (const id of ['a', 'b', 'c']) outbox.refused(id, temporary, now)
    return (outbox.nextResumeAt() ?? 0) - now
  })
  t.deepEqual(delays, [1_000, 1_000, 2_000])
})

test('the outbox has no room beyond its bounds', (t) => {
  const outbox = new Outbox(() => 0, { ...defaultOutbox, maxEntries: 2, maxBytes: 25 })
  outbox.add(entry('a'))
  t.true(outbox.hasRoom(15, 1))
  t.false(outbox.hasRoom(16, 1))
  t.false(outbox.hasRoom(0, 2))
  outbox.accepted('a')
  t.true(outbox.hasRoom(16, 2))
})

/**
 * The server's side of R5: after a refusal nothing is taken from this session before a send with `first`. Answers come
 * late and sessions end at any moment; then some sends were appended and their answers are lost.
 */
test('whatever is refused, lost, or encrypted late, a conversation is appended in order and completely', (t) => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('answer' as const), refuse: fc.integer({ min: 0, max: 5 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('compose' as const),
        to: fc.integer({ min: 1, max: 3 }),
        sealed: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant('seal' as const), end: fc.nat(4), to: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('resume' as const), to: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('reconnect' as const), reached: fc.nat(10) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(2_000) }) },
  )
  const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const outbox = new Outbox(() => 0.5, { ...defaultOutbox, window: 4 })
    const appended: { id: string; to: number }[] = []
    const composed: { id: string; to: number }[] = []
    const failed = new Set<string>()
    let wire: { id: string; to: number; first: boolean }[] = []
    let refusing = new Set<number>()
    const sealing = new Map<number, readonly OutboxEntry[]>()
    let now = 0

    const pump = (): void => {
      for (const entries of outbox.takeUnsealed(now, 3)) {
        const [{ to } = { to: 0 }] = entries
        t.false(sealing.has(to), 'one at a time')
        sealing.set(to, entries)
      }
      for (const { entry: sent, first } of outbox.take(now)) {
        t.true(sent.sealed)
        wire.push({ id: sent.id, to: sent.to, first })
      }
    }
    // What is being encrypted for somebody is: all of it, some of it, or nothing for now or until somebody decides.
    const endSealing = (to: number, end: number): void => {
      const entries = sealing.get(to)
      if (entries === undefined || !sealing.delete(to)) return
      const done = end === 1 ? entries.slice(0, 1) : end > 1 && end < 4 ? [] : entries
      outbox.sealed(
        to,
        done.map((one) => ({ ...one, sealed: true })),
      )
      if (end === 2) outbox.putOff(to, 700, now)
      if (end === 3) outbox.suspend(to)
    }
    // The next frame reaches the server; `refuse` picks what it says.
    const serve = (refuse: number): ((client: Outbox) => void) | undefined => {
      const sent = wire.shift()
      if (sent === undefined) return undefined
      const { id, to, first } = sent
      if (refusing.has(to) && !first) return (client) => void client.refused(id, resend, now)
      refusing.delete(to)
      const error = [temporary, unknownUser, devicesChanged][refuse]
      if (error === undefined) {
        appended.push({ id, to })
        return (client) => void client.accepted(id)
      }
      refusing.add(to)
      return (client) => {
        if (client.refused(id, error, now) !== undefined) failed.add(id)
      }
    }

    for (const current of steps) {
      if (current.type === 'compose') {
        const id = `m${composed.length}`
        composed.push({ id, to: current.to })
        outbox.add(entry(id, current.to, current.sealed))
      } else if (current.type === 'seal') endSealing(current.to, current.end)
      else if (current.type === 'resume') outbox.resume(current.to)
      else if (current.type === 'answer') serve(current.refuse)?.(outbox)
      else if (current.type === 'wait') now += current.ms
      else {
        // Some of what was sent reached the server, and no answer comes back.
        for (let count = 0; count < current.reached; count += 1) serve(9)
        wire = []
        refusing = new Set()
        outbox.restart()
      }
      pump()
    }
    for (let rest = 0; outbox.size > 0 && rest < 10_000; rest += 1) {
      now += 1_000
      for (const to of [1, 2, 3]) outbox.resume(to)
      pump()
      for (const to of [1, 2, 3]) endSealing(to, 0)
      serve(9)?.(outbox)
    }
    t.is(outbox.size, 0)
    for (const to of [1, 2, 3]) {
      const first = [...new Set(appended.filter((one) => one.to === to).map(({ id }) => id))]
      const expected = composed.filter((one) => one.to === to).map(({ id }) => id)
      // One that failed may have been appended all the same, by a session whose answer was lost.
      t.deepEqual(
        first.filter((id) => !failed.has(id)),
        expected.filter((id) => !failed.has(id)),
      )
    }
  })
  fc.assert(property, { numRuns: 500 })
})
