import type { WatchFrame } from '../proto/frames.ts'
import { MAX_WATCHED } from '../proto/limits.ts'

/** The users whose presence is wanted, by this session and the next ones. */
export class Watches {
  readonly #users = new Set<number>()
  readonly #send: (frame: WatchFrame) => void

  /** @param send - drops the frame while there is no session */
  constructor(send: (frame: WatchFrame) => void) {
    this.#send = send
  }

  has(user: number): boolean {
    return this.#users.has(user)
  }

  add(users: readonly number[]): void {
    const added = users.filter((user) => !this.#users.has(user))
    for (const user of added) this.#users.add(user)
    this.#tell('watch', added)
  }

  remove(users: readonly number[]): void {
    this.#tell(
      'unwatch',
      users.filter((user) => this.#users.delete(user)),
    )
  }

  /** A new session knows of none. */
  connected(): void {
    this.#tell('watch', [...this.#users])
  }

  #tell(type: WatchFrame['type'], users: readonly number[]): void {
    for (let from = 0; from < users.length; from += MAX_WATCHED) {
      this.#send({ type, users: users.slice(from, from + MAX_WATCHED) })
    }
  }
}
