import type { Clock } from '../shared/clock.ts'
import type { Database } from '../storage/database.ts'
import { sampleMailboxes } from '../storage/mailbox-statistics.ts'
import type { MailboxStatistics } from '../storage/mailbox-statistics.ts'
import { repeat } from './repeat.ts'

export interface MailboxWatchEvents {
  taskFailed(task: string, error: unknown): void
}

/** Looks at the mailboxes of every database from time to time, for the metrics. */
export class MailboxWatch {
  /** In the order of the databases; undefined: not known now. */
  readonly statistics: (MailboxStatistics | undefined)[]
  readonly #databases: readonly Database[]
  readonly #clock: Clock
  readonly #events: MailboxWatchEvents
  #stopped = false

  constructor(databases: readonly Database[], clock: Clock, events: MailboxWatchEvents) {
    this.#databases = databases
    this.#clock = clock
    this.#events = events
    this.statistics = databases.map(() => undefined)
  }

  /** Looks now, and again and again. */
  start(intervalMs: number): Disposable {
    void this.#lookAtAll()
    const watching = repeat(
      () => this.#lookAtAll(),
      intervalMs,
      () => undefined,
    )
    return {
      [Symbol.dispose]: () => {
        this.#stopped = true
        watching[Symbol.dispose]()
      },
    }
  }

  /** A database that does not answer holds up no other. */
  async #lookAtAll(): Promise<void> {
    await Promise.all(
      this.#databases.map(async ({ pool }, shard) => {
        try {
          this.statistics[shard] = await sampleMailboxes(pool, this.#clock.now())
        } catch (error) {
          // The connections end with the node, under whatever is asked then.
          if (this.#stopped) return
          this.statistics[shard] = undefined
          this.#events.taskFailed('looking at the mailboxes', error)
        }
      }),
    )
  }
}
