import type { Pool } from 'pg'
import type { Database } from './database.ts'
import type { Slots } from './shards.ts'
import { SlotMap } from './slot-map.ts'
import { readSlotChanges } from './slot-row.ts'
import type { SlotRows } from './slot-row.ts'

/** How often a node looks whether slots have moved. */
const REFRESH_MS = 500
/**
 * What a database said of its slots holds for so long. A move freezes a slot for longer than this before another
 * database serves it, so no node believes the old one by then: not one that was frozen or cut off either.
 */
export const SLOTS_VALID_MS = 2_000
/** Of one look. */
const TIMEOUT_MS = 1_500

export interface SlotWatchEvents {
  slotsChanged(): void
  taskFailed(task: string, error: unknown): void
}

/** Keeps what a node knows of the slots true, by looking at every database again and again. */
export class SlotWatch implements Slots {
  readonly #databases: readonly WatchedDatabase[]
  readonly #map = new SlotMap()
  readonly #events: SlotWatchEvents
  readonly #listeners: (() => void)[] = []
  readonly #timer: NodeJS.Timeout | undefined

  /**
   * @param first - what each database said at the start, and when that was asked for
   */
  constructor(databases: readonly Database[], first: readonly SlotRows[], askedAt: Instant, events: SlotWatchEvents) {
    this.#events = events
    // A connection of its own: a busy pool must not make the map old.
    this.#databases = databases.map((database, i) => {
      return new WatchedDatabase(database.createJournalPool(1), first[i]!, askedAt)
    })
    this.#take()
    // With one database there is no other place where a slot could be.
    if (databases.length === 1) return
    this.#timer = setInterval(() => void this.refresh(), REFRESH_MS)
    this.#timer.unref()
  }

  homeOf(slot: number): number {
    return this.#map.homeOf(slot)
  }

  isMoving(slot: number): boolean {
    return this.#map.isMoving(slot)
  }

  isFresh(database: number): boolean {
    return this.#databases.length === 1 || elapsedMs(this.#databases[database]!.verifiedAt) <= SLOTS_VALID_MS
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  async refresh(database?: number): Promise<void> {
    const asked = database === undefined ? this.#databases : [this.#databases[database]!]
    await Promise.all(
      asked.map(async (one) => {
        try {
          if (await one.look()) this.#take()
          one.away = false
        } catch (error) {
          // It is looked at all the time: the first failure says it.
          if (!one.away) this.#events.taskFailed('looking where slots are', error)
          one.away = true
        }
      }),
    )
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#databases.map(({ pool }) => pool.end()))
  }

  #take(): void {
    if (!this.#map.update(this.#databases.map(({ slots }) => slots.rows))) return
    if (this.#listeners.length > 0) this.#events.slotsChanged()
    for (const listener of this.#listeners) listener()
  }
}

/** What is known of the slots of one database, and since when. */
class WatchedDatabase {
  readonly pool: Pool
  slots: SlotRows
  verifiedAt: Instant
  /** The last look failed. */
  away = false
  #looking: Promise<boolean> | undefined
  #next: Promise<boolean> | undefined

  constructor(pool: Pool, slots: SlotRows, verifiedAt: Instant) {
    this.pool = pool
    this.slots = slots
    this.verifiedAt = verifiedAt
  }

  /** Looks once more; whoever asks while a look is under way waits for the next one. @returns whether it changed */
  look(): Promise<boolean> {
    if (this.#looking === undefined) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined
      })
      return this.#looking
    }
    const again = async () => {
      this.#next = undefined
      return this.look()
    }
    this.#next ??= this.#looking.then(again, again)
    return this.#next
  }

  async #look(): Promise<boolean> {
    const askedAt = instant()
    const slots = await readSlotChanges(this.pool, this.slots.version, TIMEOUT_MS)
    this.verifiedAt = askedAt
    if (slots !== undefined) this.slots = slots
    return slots !== undefined
  }
}

/**
 * A moment by two clocks: the steady one may stand still while the whole machine sleeps, the other one may be set. What
 * has elapsed is what the faster of them says.
 */
export interface Instant {
  readonly steadyMs: number
  readonly wallMs: number
}

export function instant(): Instant {
  return { steadyMs: performance.now(), wallMs: Date.now() }
}

function elapsedMs({ steadyMs, wallMs }: Instant): number {
  return Math.max(performance.now() - steadyMs, Date.now() - wallMs)
}
