import type { Database } from '../storage/database.ts'
import { repeat } from './repeat.ts'

/** What is looked at from time to time in every database. */
export class DatabaseSamples<Sample> {
  /** In the order of the databases; undefined: not known now. */
  readonly latest: (Sample | undefined)[]
  readonly #databases: readonly Database[]
  readonly #look: (database: Database) => Promise<Sample>
  readonly #failed: (error: unknown) => void
  #stopped = false

  constructor(
    databases: readonly Database[],
    look: (database: Database) => Promise<Sample>,
    failed: (error: unknown) => void,
  ) {
    this.latest = databases.map(() => undefined)
    this.#databases = databases
    this.#look = look
    this.#failed = failed
  }

  /** Looks now, and again and again. */
  start(intervalMs: number): Disposable {
    void this.#lookAtAll()
    const looking = repeat(() => this.#lookAtAll(), intervalMs, this.#failed)
    return {
      [Symbol.dispose]: () => {
        this.#stopped = true
        looking[Symbol.dispose]()
      },
    }
  }

  /** A database that does not answer holds up no other. */
  async #lookAtAll(): Promise<void> {
    await Promise.all(
      this.#databases.map(async (database, shard) => {
        try {
          this.latest[shard] = await this.#look(database)
        } catch (error) {
          // The connections end with the node, under whatever is asked then.
          if (this.#stopped) return
          this.latest[shard] = undefined
          this.#failed(error)
        }
      }),
    )
  }
}
