import { Kind } from '../../proto/frames.ts'
import { ROW_BYTES, rowBytes } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { UserId } from '../shared/ids.ts'

/** What a mailbox may hold. Bytes count each row with what PostgreSQL needs for it. */
export interface RoomLimits {
  /** Of all. */
  readonly maxEnvelopes: number
  readonly maxBytes: number
  /** Of one sender, who also never holds more than is left for others. */
  readonly senderEnvelopes: number
  readonly senderBytes: number
  /** Of one sender whom the user does not know, and of all of them together. */
  readonly strangerEnvelopes: number
  readonly strangerBytes: number
  readonly strangersEnvelopes: number
  readonly strangersBytes: number
  /** Of READ and PLAYED, which have a budget of their own: of all, and of one sender. */
  readonly receiptBytes: number
  readonly senderReceiptBytes: number
  /** What is added at least between two measurements, and thrice that while one is awaited. */
  readonly stepEnvelopes: number
  readonly stepBytes: number
}

/** What rows amount to. */
export interface Amount {
  readonly envelopes: number
  readonly bytes: number
  readonly receiptBytes: number
}

/** What a look at the rows of a mailbox found. */
export interface RoomMeasure extends Amount {
  /** Of those whom the user does not know. */
  readonly strangers: Amount
  /** Those who were asked for, and those who have most there. */
  readonly senders: readonly SenderMeasure[]
}

export interface SenderMeasure extends Amount {
  readonly user: UserId
  readonly stranger: boolean
}

/**
 * Whether there is room for an envelope. `unknown`: there may be none, which a look at the rows will show.
 */
export type RoomVerdict = 'room' | 'full' | 'unknown'

const NOTHING: Amount = { envelopes: 0, bytes: 0, receiptBytes: 0 }

/** A sum that grows. */
class Sum implements Amount {
  envelopes = 0
  bytes = 0
  receiptBytes = 0

  add(envelope: Envelope, bytes: number): void {
    if (isClientReceipt(envelope.kind)) {
      this.receiptBytes += bytes
    } else {
      this.envelopes++
      this.bytes += bytes
    }
  }

  set({ envelopes, bytes, receiptBytes }: Amount): void {
    this.envelopes = envelopes
    this.bytes = bytes
    this.receiptBytes = receiptBytes
  }
}

/** What was added since the last measurement began: until the next one has ended, what it will show counts here too. */
class Added extends Sum {
  #shown: Amount = NOTHING

  measuring(): void {
    const { envelopes, bytes, receiptBytes } = this
    this.#shown = { envelopes, bytes, receiptBytes }
  }

  measured(): void {
    this.envelopes -= this.#shown.envelopes
    this.bytes -= this.#shown.bytes
    this.receiptBytes -= this.#shown.receiptBytes
    this.#shown = NOTHING
  }
}

/** What is known of one sender's share: what was measured, and what was added since that measurement began. */
class Share {
  readonly user: UserId
  /** Undefined: not measured yet. */
  stranger: boolean | undefined
  readonly sum = new Sum()
  readonly added = new Added()

  constructor(user: UserId) {
    this.user = user
  }
}

/** Senders of one mailbox that are kept apart, at most. */
export const MAX_SHARES = 32
/** After a measurement there is none for so long for each row: to read one costs a few µs, so it takes little of PostgreSQL. */
const REST_MS_PER_ROW = 0.1
/** So much longer a measurement says that a mailbox is full. */
const FRESH_MS = 1_000
/** Steps that may be added while a measurement is awaited. */
const AWAITED_STEPS = 3
/** A mailbox is measured when it has doubled, and then after each such part of what is left: at the end with every step. */
const LEFT_SHARE = 1 / 4
/** A sender is measured after half of what is left of a bound, and not more often than after such a part of it. */
const BOUND_SHARE = 1 / 64

/**
 * How much room one mailbox has, as far as a node knows without asking for each envelope. The rows are the truth: they are
 * measured, and what this node appends is added until the next measurement. What other nodes append meanwhile, and what
 * is on its way to PostgreSQL while the rows are read, is seen by the next one. Pure: it knows no clock and no database.
 */
export class MailboxRoom {
  readonly #limits: RoomLimits
  readonly #sum = new Sum()
  readonly #strangers = new Sum()
  readonly #added = new Added()
  #shares: Share[] = []
  #measuring = false
  /** ms; undefined: never. */
  #measuredAt: number | undefined
  /** A measurement is wanted. */
  due = false

  constructor(limits: RoomLimits) {
    this.#limits = limits
  }

  /** Senders that are kept apart. */
  get shares(): number {
    return this.#shares.length
  }

  /** Half of what it may hold, or more: it is worth to be remembered. */
  get heavy(): boolean {
    const { maxEnvelopes, maxBytes } = this.#limits
    return 2 * this.#sum.envelopes >= maxEnvelopes || 2 * this.#sum.bytes >= maxBytes
  }

  /** Those who are to be measured. */
  get senders(): readonly UserId[] {
    return this.#shares.map(({ user }) => user)
  }

  /** Judges an envelope at `now` (ms), and counts it if there is room. */
  admit(envelope: Envelope, now: number): RoomVerdict {
    // What the server says of messages is bounded by them, and must find room: else their rows could never go.
    if (envelope.kind === Kind.DELIVERED || envelope.kind === Kind.EXPIRED) return 'room'
    const share = this.#share(envelope.from.user)
    const bytes = rowBytes(envelope)
    const fits = isClientReceipt(envelope.kind) ? this.#fitsReceipt(share, bytes) : this.#fits(share, bytes)
    if (fits && !this.#passed(AWAITED_STEPS)) {
      share.added.add(envelope, bytes)
      this.#added.add(envelope, bytes)
      if (this.#isWorthMeasuring(share)) this.#want(now)
      return 'room'
    }
    if (!fits && share.stranger !== undefined && this.#isWithin(FRESH_MS, now)) return 'full'
    this.#want(now)
    return 'unknown'
  }

  /** The rows are about to be read. */
  measuring(): void {
    this.#measuring = true
    this.due = false
    this.#added.measuring()
    for (const { added } of this.#shares) added.measuring()
  }

  /** The rows, as they were at some time after {@link measuring}. */
  measured(measure: RoomMeasure, now: number): void {
    this.#measuring = false
    this.#measuredAt = now
    this.#sum.set(measure)
    this.#strangers.set(measure.strangers)
    this.#added.measured()
    for (const { added } of this.#shares) added.measured()
    const kept = this.#shares.filter(({ added }) => added.envelopes > 0 || added.receiptBytes > 0)
    for (const { sum } of kept) sum.set(NOTHING)
    this.#shares = kept
    for (const sender of measure.senders) {
      const share = kept.find(({ user }) => user === sender.user) ?? this.#newShare(sender.user)
      if (share === undefined) break
      share.stranger = sender.stranger
      share.sum.set(sender)
    }
  }

  /** The rows could not be read. */
  notMeasured(): void {
    this.#measuring = false
    this.due = false
  }

  #fits({ stranger, sum, added }: Share, bytes: number): boolean {
    const limits = this.#limits
    const all = this.#sum.envelopes + this.#added.envelopes + 1
    const allBytes = this.#sum.bytes + this.#added.bytes + bytes
    const own = sum.envelopes + added.envelopes + 1
    const ownBytes = sum.bytes + added.bytes + bytes
    if (all > limits.maxEnvelopes || allBytes > limits.maxBytes) return false
    if (own > limits.senderEnvelopes || ownBytes > limits.senderBytes) return false
    // However many fill a mailbox together, there is as much left for everybody else as each of them has.
    if (own - 1 > limits.maxEnvelopes - all || ownBytes - bytes > limits.maxBytes - allBytes) return false
    if (stranger === false) return true
    if (stranger === true && (own > limits.strangerEnvelopes || ownBytes > limits.strangerBytes)) return false
    // Who was not measured yet may be a stranger, and so may be whoever was added since.
    return (
      this.#strangers.envelopes + this.#added.envelopes < limits.strangersEnvelopes &&
      this.#strangers.bytes + this.#added.bytes + bytes <= limits.strangersBytes
    )
  }

  #fitsReceipt({ sum, added }: Share, bytes: number): boolean {
    const all = this.#sum.receiptBytes + this.#added.receiptBytes + bytes
    const own = sum.receiptBytes + added.receiptBytes + bytes
    const { receiptBytes, senderReceiptBytes } = this.#limits
    return all <= receiptBytes && own <= senderReceiptBytes && own - bytes <= receiptBytes - all
  }

  /** Whether so many steps were added beyond what is worth a measurement. */
  #passed(steps: number): boolean {
    const { maxEnvelopes, maxBytes, stepEnvelopes, stepBytes } = this.#limits
    const { envelopes, bytes, receiptBytes } = this.#added
    return (
      envelopes >= stepOf(this.#sum.envelopes, maxEnvelopes, stepEnvelopes) + steps * stepEnvelopes ||
      bytes + receiptBytes >= stepOf(this.#sum.bytes, maxBytes, stepBytes) + steps * stepBytes
    )
  }

  #want(now: number): void {
    if (!this.#measuring && !this.#isWithin(0, now)) this.due = true
  }

  /** A step was passed, or a bound of the sender comes near. */
  #isWorthMeasuring({ stranger, sum, added }: Share): boolean {
    if (this.#passed(0)) return true
    const limits = this.#limits
    const known = stranger === false
    const envelopes = known ? limits.senderEnvelopes : limits.strangerEnvelopes
    const bytes = known ? limits.senderBytes : limits.strangerBytes
    return (
      isNear(sum.envelopes, added.envelopes, envelopes) ||
      isNear(sum.bytes, added.bytes, bytes) ||
      isNear(sum.receiptBytes, added.receiptBytes, limits.senderReceiptBytes)
    )
  }

  /** Whether the last measurement, and the rest after it, is not longer ago. */
  #isWithin(ms: number, now: number): boolean {
    if (this.#measuredAt === undefined) return false
    const rows = this.#sum.envelopes + this.#sum.receiptBytes / ROW_BYTES
    return Math.abs(now - this.#measuredAt) < ms + rows * REST_MS_PER_ROW
  }

  #share(user: UserId): Share {
    for (const share of this.#shares) if (share.user === user) return share
    const share = this.#newShare(user)
    if (share !== undefined) return share
    // The one that was added to least gives its place: what it had is measured again when it comes back.
    const least = this.#shares.reduce((a, b) => (b.added.bytes < a.added.bytes ? b : a))
    this.#shares[this.#shares.indexOf(least)] = new Share(user)
    return this.#share(user)
  }

  #newShare(user: UserId): Share | undefined {
    if (this.#shares.length >= MAX_SHARES) return undefined
    const share = new Share(user)
    this.#shares.push(share)
    return share
  }
}

function stepOf(measured: number, bound: number, step: number): number {
  return Math.max(step, Math.min(measured, (bound - measured) * LEFT_SHARE))
}

function isNear(measured: number, added: number, bound: number): boolean {
  return added > 0 && added >= Math.max((bound - measured) / 2, bound * BOUND_SHARE)
}

function isClientReceipt(kind: Kind): boolean {
  return kind === Kind.READ || kind === Kind.PLAYED
}
