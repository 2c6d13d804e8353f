import type { UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import { isRefusedSlot } from './pg-error.ts'

export const SLOTS = 1_024

/** The slot of a user: stable for ever, since rows lie where it says. The finalizer of MurmurHash3 over both halves. */
export function slotOf(user: UserId): number {
  const high = Math.floor(user / 0x1_0000_0000)
  return mix(mix(user >>> 0) ^ high) & (SLOTS - 1)
}

function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Which database holds which slot. Databases go by their place in `Shards.all`. */
export interface Slots {
  /** The database that holds the slot, or held it last while it moves. */
  homeOf(slot: number): number
  /** The slot moves, and no database serves it. */
  isMoving(slot: number): boolean
  /** What is known of the database is recent enough to be true. */
  isFresh(database: number): boolean
  /** Learns what holds now, in all databases or one; never rejects. */
  refresh(database?: number): Promise<void>
  /** Slots have moved, or begin to. */
  onChange(listener: () => void): void
}

/** An even, contiguous split that never changes. */
export function evenSlots(databases: number): Slots {
  return {
    homeOf: (slot) => Math.floor((slot * databases) / SLOTS),
    isMoving: () => false,
    isFresh: () => true,
    refresh: () => Promise.resolve(),
    onChange: () => {},
  }
}

/** About as long as the rest of a move takes. */
const RETRY_AFTER_MS = 1_000

/** Which database holds the data of which user. */
export class Shards<Database> {
  readonly all: readonly Database[]
  readonly #slots: Slots

  constructor(databases: readonly Database[], slots: Slots = evenSlots(databases.length)) {
    this.all = databases
    this.#slots = slots
  }

  /**
   * The database that serves the user now.
   * @throws RefusalError with UNAVAILABLE while that is moving or not known
   */
  of(user: UserId): Database {
    return this.all[this.indexOf(user)] as Database
  }

  /** The place of that database in `all`. @throws RefusalError as {@link of} does */
  indexOf(user: UserId): number {
    const index = this.homeOf(user)
    if (!this.serves(index, user)) throw unavailable()
    return index
  }

  /** The place of the database that holds the user's data, or held it last. Its guard refuses writes to what moved. */
  homeOf(user: UserId): number {
    return this.#slots.homeOf(slotOf(user))
  }

  /** Whether it holds the user's data, as far as is known. */
  holds(index: number, user: UserId): boolean {
    const slot = slotOf(user)
    return this.#slots.homeOf(slot) === index && !this.#slots.isMoving(slot)
  }

  /** Whether it surely serves the user: asked after a read, it says that the answer was true. */
  serves(index: number, user: UserId): boolean {
    return this.holds(index, user) && this.#slots.isFresh(index)
  }

  /**
   * Does something with the user's data where it is served. What was read counts only if the database still served the
   * user when the answer came.
   * @throws RefusalError with UNAVAILABLE while the data moves
   */
  async run<Answer>(user: UserId, work: (database: Database) => Promise<Answer>): Promise<Answer> {
    if (!this.serves(this.homeOf(user), user)) await this.refresh()
    const index = this.indexOf(user)
    let answer: Answer
    try {
      answer = await work(this.all[index] as Database)
    } catch (error) {
      if (!isRefusedSlot(error)) throw error
      await this.refresh()
      throw unavailable(error)
    }
    if (!this.serves(index, user)) await this.refresh()
    if (!this.serves(index, user)) throw unavailable()
    return answer
  }

  /** Learns where slots are now, from all databases or one. */
  refresh(database?: number): Promise<void> {
    return this.#slots.refresh(database)
  }

  onChange(listener: () => void): void {
    this.#slots.onChange(listener)
  }
}

/** The user's data moves to another database: for a moment nobody serves it. */
export function unavailable(cause?: unknown): RefusalError {
  const message = 'The data of this user is on its way to another database'
  return new RefusalError('UNAVAILABLE', message, { retryAfterMs: RETRY_AFTER_MS, cause })
}
