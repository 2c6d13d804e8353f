import type { Clock } from '../shared/clock.ts'
import type { Envelope } from '../shared/envelope.ts'
import { addressKey } from '../shared/ids.ts'
import type { Address, UserId } from '../shared/ids.ts'
import { MailboxRoom } from './mailbox-room.ts'
import type { RoomLimits, RoomMeasure } from './mailbox-room.ts'

/** Whose rows are to be measured, and which senders are to be told apart. */
export interface RoomQuery {
  readonly to: Address
  readonly senders: readonly UserId[]
}

export interface MailboxRoomsOptions {
  readonly limits: RoomLimits
  readonly clock: Clock
  /** Measures mailboxes, in the order of the queries. */
  measure(queries: readonly RoomQuery[]): Promise<readonly RoomMeasure[]>
  onFailure(error: unknown): void
}

interface Known {
  readonly to: Address
  readonly room: MailboxRoom
  /** When somebody was last told that it is full (ms). */
  fullAt: number
}

/** Mailboxes that are remembered, at most. */
const MAX_MAILBOXES = 50_000
/** Mailboxes measured by one statement, at most. */
const MAX_BATCH = 100
/** So many heavy ones are passed over when the oldest has to go: they would have to be measured first thing. */
const MAX_PASSED = 16
/** So long a mailbox is counted as full. */
const FULL_MS = 60_000

/**
 * The room of the mailboxes of one database, for those that this node appended to last. It costs a look at a map for each
 * envelope that waits; what goes to a connected device at once is not counted. A mailbox that was forgotten is measured
 * again when the next envelope comes, while there are too many to remember.
 */
export class MailboxRooms {
  readonly #options: MailboxRoomsOptions
  /** The one used last comes last. */
  readonly #mailboxes = new Map<number, Known>()
  #due: Known[] = []
  #running = false
  #closed = false

  constructor(options: MailboxRoomsOptions) {
    this.#options = options
  }

  /** Mailboxes for which somebody was refused in the last minute because they are full. */
  get full(): number {
    const since = this.#options.clock.now() - FULL_MS
    let full = 0
    for (const { fullAt } of this.#mailboxes.values()) if (fullAt > since) full++
    return full
  }

  /** Why there is no room for an envelope that would wait in its mailbox; undefined: there is, and it is counted. */
  whyNoRoom(envelope: Envelope): 'full' | 'refused' | undefined {
    const known = this.#find(envelope.to)
    const now = this.#options.clock.now()
    const verdict = known.room.admit(envelope, now)
    if (known.room.due) this.#measureSoon(known)
    if (verdict === 'room') return undefined
    if (verdict === 'unknown') return 'refused'
    known.fullAt = now
    return 'full'
  }

  close(): void {
    this.#closed = true
    this.#due = []
  }

  #find(to: Address): Known {
    const key = addressKey(to.user, to.device)
    const known = this.#mailboxes.get(key)
    if (known !== undefined) {
      this.#mailboxes.delete(key)
      this.#mailboxes.set(key, known)
      return known
    }
    const fresh: Known = { to, room: new MailboxRoom(this.#options.limits), fullAt: -Infinity }
    if (this.#mailboxes.size >= MAX_MAILBOXES) {
      this.#forgetOne()
      fresh.room.due = true
    }
    this.#mailboxes.set(key, fresh)
    return fresh
  }

  #forgetOne(): void {
    let passed = 0
    for (const [key, known] of this.#mailboxes) {
      this.#mailboxes.delete(key)
      if (!known.room.heavy || ++passed > MAX_PASSED) return
      this.#mailboxes.set(key, known)
    }
  }

  #measureSoon(known: Known): void {
    if (this.#closed) return
    known.room.due = false
    this.#due.push(known)
    if (!this.#running) this.#start()
  }

  #start(): void {
    this.#running = true
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    const batch = this.#due.splice(0, MAX_BATCH)
    for (const { room } of batch) room.measuring()
    try {
      const measures = await this.#options.measure(batch.map(({ to, room }) => ({ to, senders: room.senders })))
      const now = this.#options.clock.now()
      for (const [i, { room }] of batch.entries()) room.measured(measures[i]!, now)
    } catch (error) {
      for (const { room } of batch) room.notMeasured()
      this.#options.onFailure(error)
    }
    if (this.#due.length > 0 && !this.#closed) this.#start()
    else this.#running = false
  }
}
