import type { Clock } from '../shared/clock.ts'
import type { MessageId } from '../shared/ids.ts'

const NODE_BITS = 10n
const COUNTER_BITS = 12n
const MS_SHIFT = NODE_BITS + COUNTER_BITS
const COUNTERS = 1 << Number(COUNTER_BITS)
/** How far above the clock a node lets a device's highest message id lift its stamps. */
const MAX_FLOOR_AHEAD_MS = 5_000
/** Stamps that are further ahead of the clock, because it stepped back, begin again at its time, with another number. */
const MAX_AHEAD_MS = 10_000
/** Sequences that are kept for devices which have seen their stamps, at most. */
const MAX_FORMER = 4

/** Node numbers are 0 … 1,023. */
export const NODE_NUMBERS = 1 << Number(NODE_BITS)

/** A claim on a node number; stamps are made from `from` on and below `until` (ms since 1970), which may grow. */
export interface NodeNumberClaim {
  readonly number: number
  readonly from: number
  readonly until: number
}

/** Whoever claims node numbers for the stamps. What is wanted is done later, or not at all. */
export interface NodeNumberSource {
  /** In which stamps are made now: an object for each claim. */
  readonly claim: NodeNumberClaim
  /** The claim ends before a stamp that is to be made, of this time (ms since 1970). */
  wantMore(atMs: number): void
  /** The stamps of the claim are far ahead of the clock. */
  wantAnother(): void
}

export interface Stamp {
  readonly messageId: MessageId
  /** ms since 1970. */
  readonly ms: number
}

/**
 * Stamps envelopes: 41 bits of ms since 1970, 10 bits of node number, 12 bits of counter. Stamps never collide with
 * those of another node, as a node number is claimed for a time, and those of one device only grow. When the clock steps
 * back, stamps go on from where they are until another number is there; from then on they begin at the clock's time
 * again, but for devices that have seen later ones: those go on with the earlier number.
 */
export class MessageStamps {
  readonly #clock: Clock
  readonly #numbers: NodeNumberSource
  #newest: Sequence
  /** Of earlier numbers, whose stamps are ahead of the clock, or might have been: other nodes stamped then. */
  #former: readonly Sequence[] = []

  constructor(clock: Clock, numbers: NodeNumberSource) {
    this.#clock = clock
    this.#numbers = numbers
    this.#newest = new Sequence(numbers.claim)
  }

  /** The time of the newest stamp of the claim of now, ms since 1970. */
  get last(): number {
    return this.#newest.ms
  }

  /** How far stamps are ahead of the clock, ms. */
  get aheadMs(): number {
    return Math.max(0, this.#newest.ms - this.#clock.now())
  }

  /** Whether the next envelope gets a stamp. */
  get canStamp(): boolean {
    const { claim } = this.#numbers
    const last = claim === this.#newest.claim ? this.#newest.ms : claim.from
    return Math.max(this.#clock.now(), last) < claim.until
  }

  /** The clock was set; `was`: what it showed before. Other nodes may have stamped then, though this one has not. */
  clockStepped(was: number): void {
    this.#newest.see(was)
  }

  /**
   * The next stamp, above `floor`: the highest message id that the sending device has seen (0n: none), so that its
   * messages keep their order when it moves to a node whose clock is behind, and when a clock steps back. A floor that
   * no stamp can have come near is ignored. Undefined: this node must not stamp now, because its claim has run out.
   */
  next(floor: bigint): Stamp | undefined {
    const now = this.#clock.now()
    if (this.#numbers.claim !== this.#newest.claim) this.#begin(now)
    const newest = this.#newest
    const stamp = floor <= newest.lastId ? this.#stamp(now, 0) : this.#lift(floor, now)
    if (newest.ms - now > MAX_AHEAD_MS) this.#numbers.wantAnother()
    return stamp
  }

  /** Stamps of the node before this one, or of this one before its clock stepped back, are higher. */
  #lift(floor: bigint, now: number): Stamp | undefined {
    const floorMs = Number(floor >> MS_SHIFT)
    if (this.#newest.reaches(floorMs, now)) return this.#stamp(now, floorMs + 1)
    const former = this.#former.find((one) => one.reaches(floorMs, 0))
    if (former === undefined) return this.#stamp(now, 0)
    // Where the earlier claim does not reach any more, the newest is made to.
    return former.next(now, floor <= former.lastId ? 0 : floorMs + 1) ?? this.#stamp(now, floorMs + 1)
  }

  #stamp(now: number, leastMs: number): Stamp | undefined {
    const stamp = this.#newest.next(now, leastMs)
    if (stamp === undefined) this.#numbers.wantMore(Math.max(now, leastMs, this.#newest.ms))
    return stamp
  }

  #begin(now: number): void {
    const ahead = [...this.#former, this.#newest].filter(({ latest }) => latest > now)
    const former = ahead.sort((a, b) => a.latest - b.latest)
    this.#former = former.slice(-MAX_FORMER)
    this.#newest = new Sequence(this.#numbers.claim)
  }
}

/** The stamps of one claim: they only grow. */
class Sequence {
  readonly claim: NodeNumberClaim
  ms = 0
  lastId: MessageId = 0n as MessageId
  #counter = 0
  /** The latest that the clock has shown it. */
  #seen = 0

  constructor(claim: NodeNumberClaim) {
    this.claim = claim
  }

  /** The latest time that it has stamped, or that the clock has shown it: ms since 1970. */
  get latest(): number {
    return Math.max(this.ms, this.#seen)
  }

  /** Whether a stamp of that time can have been made by a node that goes by the same clock. */
  reaches(floorMs: number, now: number): boolean {
    return floorMs < Math.max(now, this.#seen) + MAX_FLOOR_AHEAD_MS
  }

  see(now: number): void {
    if (now > this.#seen) this.#seen = now
  }

  next(now: number, leastMs: number): Stamp | undefined {
    let ms = Math.max(now, leastMs, this.ms, this.claim.from)
    let counter = ms === this.ms ? this.#counter + 1 : 0
    if (counter === COUNTERS) {
      counter = 0
      ms++
    }
    if (ms >= this.claim.until) return undefined
    this.ms = ms
    this.#counter = counter
    this.see(now)
    const low = BigInt((this.claim.number << Number(COUNTER_BITS)) | counter)
    this.lastId = ((BigInt(ms) << MS_SHIFT) | low) as MessageId
    return { ms, messageId: this.lastId }
  }
}
