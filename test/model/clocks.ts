import type { ExpiryGuard } from '../../src/actors/expiry-guard.ts'
import type { Expiry } from '../../src/actors/expiry.ts'
import type { MessageId } from '../../src/shared/ids.ts'
import type { DatabaseClock } from '../../src/storage/database-clock.ts'
import type { MessageStamps, NodeNumberClaim, NodeNumberSource } from '../../src/storage/message-stamps.ts'
import type { World } from './world.ts'

/** One step of the walk. */
const TICK_MS = 50
const START_MS = 1_800_000_000_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const DAY_MS = 24 * HOUR_MS
const TOLERANCE_MS = 1_000
const CLAIM_MS = HOUR_MS
/** Longer than any walk. */
const HOLD_MS = 30 * DAY_MS
const EXPIRY = { floodRows: 1_000, floodShare: 1, holdMs: HOLD_MS }

/** By how much a clock is set, forward or back. */
export const CLOCK_STEPS = [
  10 * MINUTE_MS,
  -10 * MINUTE_MS,
  31 * DAY_MS,
  -31 * DAY_MS,
  2 * HOUR_MS,
  -2 * HOUR_MS,
  4_000,
  -4_000,
  DAY_MS,
  -DAY_MS,
] as const

/** The clock of the database, and the claims that it gives by it. */
export class DatabaseTime {
  readonly #world: World
  #aheadMs = 0
  readonly #numbers: { holder: NodeTime; until: number }[] = []

  constructor(world: World) {
    this.#world = world
  }

  /** Time itself, which nobody sees. */
  get passedMs(): number {
    return this.#world.tick * TICK_MS
  }

  /** What it shows, ms since 1970. */
  get now(): number {
    return START_MS + this.passedMs + this.#aheadMs
  }

  step(ms: number): void {
    this.#aheadMs += ms
  }

  claim(holder: NodeTime): Claim {
    const free = this.#numbers.findIndex(({ until }) => until < this.now)
    const number = free === -1 ? this.#numbers.length : free
    this.#numbers[number] = { holder, until: this.now + CLAIM_MS }
    return { number, from: this.now, until: this.now + CLAIM_MS }
  }

  /** Undefined: another one has the number. */
  renew(holder: NodeTime, { number }: Claim, atMs: number): number | undefined {
    const row = this.#numbers[number]!
    if (row.holder !== holder) return undefined
    row.until = Math.max(row.until, Math.max(this.now, atMs) + CLAIM_MS)
    return row.until
  }
}

interface Claim extends NodeNumberClaim {
  until: number
}

/** What time it is for a node: the real clock, stamps and guard, over a system clock that may be set. */
export class NodeTime implements NodeNumberSource {
  claim: Claim
  /** What the stamps want of their claim. */
  wants: 'more' | 'another' | undefined
  readonly stamps: MessageStamps
  readonly expiry: Expiry
  readonly #database: DatabaseTime
  readonly #clock: DatabaseClock
  readonly #guard: ExpiryGuard
  readonly #skewMs: number
  #systemAheadMs = 0
  #wantedMs = 0

  /** @param skew - in ticks: how wrong a look at the database may be */
  constructor(world: World, database: DatabaseTime, skew: number) {
    const { cores } = world
    this.#database = database
    this.#skewMs = skew * TICK_MS
    const monotonic = { now: () => database.passedMs }
    this.#clock = new cores.DatabaseClock(this.#look(), monotonic)
    this.claim = database.claim(this)
    this.stamps = new cores.MessageStamps(this.#clock, this)
    const told = { expiryHeld() {}, expiryResumed() {} }
    this.#guard = new cores.ExpiryGuard(EXPIRY, told, monotonic, () => this.#agree)
    this.expiry = new cores.Expiry(this.#clock, this.#guard)
  }

  stamp(floor: bigint): MessageId | undefined {
    return this.stamps.next(floor)?.messageId
  }

  /** Somebody sets the system clock. */
  step(ms: number): void {
    this.#systemAheadMs += ms
  }

  /** Looks at the database. */
  look(): void {
    const was = this.#clock.now()
    if (Math.abs(this.#clock.follow(this.#look())) <= TOLERANCE_MS) return
    this.#guard.clockStepped()
    this.stamps.clockStepped(was)
  }

  wantMore(atMs: number): void {
    this.wants ??= 'more'
    this.#wantedMs = atMs
  }

  wantAnother(): void {
    this.wants = 'another'
  }

  /** The claim is renewed, or another one made. */
  getClaim(): void {
    const until = this.wants === 'more' ? this.#database.renew(this, this.claim, this.#wantedMs) : undefined
    this.wants = undefined
    if (until === undefined) this.claim = this.#database.claim(this)
    else this.claim.until = until
  }

  get #agree(): boolean {
    const system = START_MS + this.#database.passedMs + this.#skewMs + this.#systemAheadMs
    return Math.abs(system - this.#clock.now()) <= TOLERANCE_MS
  }

  #look() {
    const { now, passedMs } = this.#database
    return { shown: now + this.#skewMs, before: passedMs, after: passedMs }
  }
}
