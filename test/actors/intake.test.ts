import { randomUUID } from 'node:crypto'
import test from 'ava'
import { Kind } from '../../proto/frames.ts'
import { Intake } from '../../src/actors/intake.ts'
import type { IntakeLimit } from '../../src/actors/intake.ts'
import { RateLimiter } from '../../src/shared/rate-limit.ts'
import { Room } from '../../src/shared/room.ts'
import { message, receipt } from '../helpers/device.ts'

const KEY = 1
const ADDRESS = '192.0.2.1'
const bob = { user: 15_550_000_002 }
const pings = (count: number) => Array.from({ length: count }, () => ({ type: 'ping' }) as const)

/** Intakes of one node, whose time stands still. */
function createIntakes(
  limits: Partial<Record<IntakeLimit, number>> = {},
  earlyBytesInAll = 1_000,
  bytesInPerAddress = 1_000_000,
) {
  const limited: string[] = []
  const limiters = new Map<IntakeLimit, RateLimiter<string | number>>()
  const clock = { now: () => 0 }
  const earlyRoom = new Room(earlyBytesInAll)
  const ofAddress = new RateLimiter<string>({ burst: bytesInPerAddress, perSecond: 10 }, clock)
  const host = {
    settings: { earlyFrames: 4, earlyBytes: 1_000 },
    earlyRoom,
    limiter: (name: IntakeLimit) => {
      const limiter = limiters.get(name) ?? new RateLimiter({ burst: limits[name] ?? 1_000_000, perSecond: 10 }, clock)
      limiters.set(name, limiter)
      return limiter
    },
    bytesOfAddress: (address: string) => [ofAddress.bucket(address)],
    rateLimited: (limit: string) => void limited.push(limit),
  }
  const open = (key = KEY, address = ADDRESS): Intake => {
    const intake = new Intake(host, address)
    intake.identify(key)
    intake.open()
    return intake
  }
  return { limited, host, earlyRoom, open }
}

test('frames of every kind are counted together: past the limit sends are refused for now, past twice the limit all', (t) => {
  const { open, limited } = createIntakes({ frames: 10 })
  const intake = open()
  const frame = message(bob, 'x')
  t.true(intake.admitsFrames([...pings(9), frame]))
  t.is(intake.refuse(frame), undefined)
  t.true(intake.admitsFrames([frame]))
  t.deepEqual(intake.refuse(frame), { limit: 'frames', retryAfterMs: 100 })
  t.true(intake.admitsFrames(pings(9)))
  t.false(intake.admitsFrames(pings(1)))
  t.deepEqual(limited, ['frames', 'frames'])
})

test('bytes are counted before they are read: past the limit sends are refused for now, past twice the limit all', (t) => {
  const { open, limited } = createIntakes({ bytesIn: 100 })
  const intake = open()
  const frame = message(bob, 'x')
  t.true(intake.admits(150))
  t.true(intake.admitsFrames([frame]))
  t.deepEqual(intake.refuse(frame), { limit: 'bytesIn', retryAfterMs: 5_000 })
  t.true(intake.admits(50))
  t.false(intake.admits(1))
  t.deepEqual(limited, ['bytesIn', 'bytesIn'])
})

test('a new connection of the device goes on with what the one before has left', (t) => {
  const { open } = createIntakes({ frames: 10 })
  t.true(open().admitsFrames(pings(20)))
  t.false(open().admitsFrames(pings(1)))
  t.true(open(2).admitsFrames(pings(1)))
})

test('a device that owes gets no session until it owes nothing', (t) => {
  const { host, open, limited } = createIntakes({ frames: 10, bytesIn: 100 })
  t.true(open().admitsFrames(pings(15)))
  t.deepEqual(new Intake(host, ADDRESS).identify(KEY), { limit: 'frames', retryAfterMs: 500 })
  t.true(open(2).admits(150))
  t.deepEqual(new Intake(host, ADDRESS).identify(2), { limit: 'bytesIn', retryAfterMs: 5_000 })
  t.is(new Intake(host, ADDRESS).identify(3), undefined)
  t.deepEqual(limited, ['frames', 'bytesIn'])
})

test('an acknowledgement of something new costs nothing, a repeated one a frame', (t) => {
  const { open } = createIntakes({ frames: 1 })
  const intake = open()
  for (let upTo = 1; upTo <= 100; upTo++) t.true(intake.admitsFrames([{ type: 'ack', upTo }]))
  t.true(intake.admitsFrames([{ type: 'ack', upTo: 100 }]))
  t.true(intake.admitsFrames([{ type: 'ack', upTo: 0 }]))
  t.false(intake.admitsFrames([{ type: 'ack', upTo: 100 }]))
  t.true(intake.admitsFrames([{ type: 'ack', upTo: 101 }]))
})

test('an empty message costs a frame, and so does a ping of the WebSocket', (t) => {
  const { open } = createIntakes({ frames: 2 })
  const intake = open()
  t.true(intake.admitsFrames([]))
  t.true(intake.admitsFrames([]))
  t.true(intake.admitsControl())
  t.true(intake.admitsControl())
  t.false(intake.admitsControl())
  t.false(intake.admitsFrames([]))
})

test('receipts are not counted as sends', (t) => {
  const { open, limited } = createIntakes({ send: 1 })
  const intake = open()
  t.is(intake.refuse(receipt(bob, Kind.READ, [randomUUID()])), undefined)
  t.is(intake.refuse(receipt(bob, Kind.PLAYED, [randomUUID()])), undefined)
  t.is(intake.refuse(message(bob, 'x')), undefined)
  t.is(intake.refuse(message(bob, 'x'))?.limit, 'send')
  t.deepEqual(limited, ['send'])
})

test('a device opens so many sessions and no more', (t) => {
  const { host, limited } = createIntakes({ connect: 2 })
  t.is(new Intake(host, ADDRESS).identify(KEY), undefined)
  t.is(new Intake(host, ADDRESS).identify(KEY), undefined)
  t.deepEqual(new Intake(host, ADDRESS).identify(KEY), { limit: 'connect', retryAfterMs: 100 })
  t.is(new Intake(host, ADDRESS).identify(2), undefined)
  t.deepEqual(limited, ['connect'])
})

test('before its session is there a connection has a small budget of its own, in frames and bytes', (t) => {
  const { host, limited } = createIntakes()
  const intake = new Intake(host, ADDRESS)
  t.true(intake.admits(1_000))
  t.false(intake.admits(1))
  const other = new Intake(host, ADDRESS)
  t.true(other.keeps(pings(3), 100))
  t.true(other.admitsControl())
  t.false(other.admitsControl())
  t.false(other.keeps(pings(1), 100))
  t.deepEqual(limited, ['earlyBytes', 'earlyFrames', 'earlyFrames'])
})

test('what connections keep until their sessions are there is bounded for all, and who keeps nothing takes no room', (t) => {
  const { host, limited, earlyRoom } = createIntakes({}, 1_000)
  const intake = new Intake(host, ADDRESS)
  t.true(intake.keeps(pings(1), 600))
  t.false(new Intake(host, ADDRESS).keeps(pings(1), 600))
  t.true(new Intake(host, ADDRESS).keeps([], 600))
  t.deepEqual(limited, ['earlyBytesInAll'])
  intake.open()
  intake.close()
  t.is(earlyRoom.bytes, 0)
})

test('while an address owes bytes, those of its devices go on that have used little of their own', (t) => {
  const { host, open, limited } = createIntakes({ bytesIn: 1_600 }, 1_000, 250)
  const [greedy, frugal, elsewhere] = [open(1), open(2), open(3, '192.0.2.2')]
  t.true(greedy.admits(250))
  t.true(frugal.admits(100))
  t.true(elsewhere.admits(250))
  t.false(greedy.admits(1))
  t.deepEqual(new Intake(host, ADDRESS).identify(1), { limit: 'bytesIn', retryAfterMs: 160_000 })
  t.deepEqual(new Intake(host, ADDRESS).identify(3), { limit: 'bytesInPerAddress', retryAfterMs: 10_100 })
  t.is(new Intake(host, ADDRESS).identify(4), undefined)
  t.deepEqual(limited, ['bytesInPerAddress', 'bytesIn', 'bytesInPerAddress'])
})
