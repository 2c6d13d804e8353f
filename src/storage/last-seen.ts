import type { UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Database } from './database.ts'
import { isRefusedSlot } from './pg-error.ts'
import type { Shards } from './shards.ts'

export interface LastSeenOptions {
  /** How long a time waits for others to share a statement with. */
  readonly lastSeenFlushMs: number
  /** So many do not wait, and so many go into a statement. */
  readonly lastSeenFlushUsers: number
  /** Users whose times may wait; beyond it the oldest is forgotten. */
  readonly lastSeenMaxUsers: number
}

export interface LastSeenEvents {
  taskFailed(task: string, error: unknown): void
}

type Times = readonly (readonly [user: UserId, at: number])[]

/**
 * Writes down when users were last seen: many in one statement, the latest time of each. What could not be written
 * waits for the next statement.
 */
export class LastSeen {
  readonly #shards: Shards<Database>
  readonly #options: LastSeenOptions
  readonly #events: LastSeenEvents
  /** Not written yet: ms. */
  #waiting = new Map<UserId, number>()
  #writing: ReadonlyMap<UserId, number> = new Map()
  #flushing: Promise<void> | undefined
  /** The last statement failed: the next one takes its time. */
  #failed = false
  #timer: NodeJS.Timeout | undefined

  constructor(shards: Shards<Database>, options: LastSeenOptions, events: LastSeenEvents) {
    this.#shards = shards
    this.#options = options
    this.#events = events
  }

  /** The user was seen then: ms. */
  note(user: UserId, at: number): void {
    const before = this.#waiting.get(user) ?? 0
    this.#waiting.delete(user)
    this.#waiting.set(user, Math.max(before, at))
    if (this.#waiting.size > this.#options.lastSeenMaxUsers) this.#forgetOldest()
    if (this.#waiting.size >= this.#options.lastSeenFlushUsers && !this.#failed) void this.flush()
    else this.#timer ??= setTimeout(() => void this.flush(), this.#options.lastSeenFlushMs).unref()
  }

  /** What is not written yet; 0: nothing. */
  peek(user: UserId): number {
    return Math.max(this.#waiting.get(user) ?? 0, this.#writing.get(user) ?? 0)
  }

  /** Writes what waits; resolves when that is done, or failed: what is noted meanwhile goes with the next. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
      if (this.#waiting.size > 0) {
        this.#timer ??= setTimeout(() => void this.flush(), this.#options.lastSeenFlushMs).unref()
      }
    })
    return this.#flushing
  }

  /** Writes the last ones, if the database takes them. */
  async close(): Promise<void> {
    await this.#flushing
    await this.flush()
    clearTimeout(this.#timer)
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#waiting
    this.#waiting = new Map()
    this.#failed = false
    for (const [shard, times] of this.#byShard(this.#writing)) await this.#write(this.#shards.all[shard]!, times)
    this.#writing = new Map()
  }

  async #write(database: Database, times: Times): Promise<void> {
    // In one order on all nodes, so that two statements seldom wait for each other.
    const sorted = times.toSorted(([a], [b]) => a - b)
    for (let i = 0; i < sorted.length; i += this.#options.lastSeenFlushUsers) {
      try {
        await writeLastSeen(database, sorted.slice(i, i + this.#options.lastSeenFlushUsers))
      } catch (error) {
        return this.#keep(sorted.slice(i), error)
      }
    }
  }

  #byShard(times: ReadonlyMap<UserId, number>): ReadonlyMap<number, Times> {
    const shards = new Map<number, (readonly [UserId, number])[]>()
    for (const entry of times) {
      try {
        const shard = this.#shards.indexOf(entry[0])
        const group = shards.get(shard)
        if (group === undefined) shards.set(shard, [entry])
        else group.push(entry)
      } catch (error) {
        this.#keep([entry], error)
      }
    }
    return shards
  }

  /** They could not be written. Later times of the same users stay. */
  #keep(times: Times, error: unknown): void {
    this.#failed = true
    // What is on its way to another database is written there.
    const moves = error instanceof RefusalError || isRefusedSlot(error)
    if (!moves) this.#events.taskFailed('writing when users were last seen', error)
    for (const [user, at] of times) {
      const later = this.#waiting.get(user)
      if (later !== undefined) this.#waiting.set(user, Math.max(later, at))
      else if (this.#waiting.size < this.#options.lastSeenMaxUsers) this.#waiting.set(user, at)
    }
  }

  #forgetOldest(): void {
    for (const user of this.#waiting.keys()) {
      this.#waiting.delete(user)
      return
    }
  }
}

async function writeLastSeen(database: Database, times: Times): Promise<void> {
  await database.pool.query({
    name: 'write-last-seen',
    text: `
      UPDATE users AS u SET last_seen_at = r.at
      FROM unnest($1::bigint[], $2::bigint[]) AS r (user_id, at)
      WHERE u.user_id = r.user_id AND (u.last_seen_at IS NULL OR u.last_seen_at < r.at)`,
    values: [times.map(([user]) => user), times.map(([, at]) => at)],
  })
}
