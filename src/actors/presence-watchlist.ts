import type { UserId } from '../shared/ids.ts'
import { Watch } from './presence-watch.ts'
import type { PresenceWatcher, WatchedUser } from './presence-watch.ts'

/** Who watches whom on this node. */
export class Watchlist {
  readonly #watched = new Map<UserId, WatchedUser>()
  readonly #watching = new Map<PresenceWatcher, Map<UserId, WatchedUser>>()
  /** The sessions that watch somebody, by their own user. */
  readonly #sessions = new Map<UserId, Set<PresenceWatcher>>()
  #size = 0

  /** Watches in all. */
  get size(): number {
    return this.#size
  }

  /** All who are watched; may be walked while it changes. */
  all(): MapIterator<WatchedUser> {
    return this.#watched.values()
  }

  find(user: UserId): WatchedUser | undefined {
    return this.#watched.get(user)
  }

  has(watched: WatchedUser): boolean {
    return this.#watched.get(watched.user) === watched
  }

  /** How many users a session watches. */
  count(watcher: PresenceWatcher): number {
    return this.#watching.get(watcher)?.size ?? 0
  }

  /** Whether the user, or a session of the user, takes part. */
  concerns(user: UserId): boolean {
    return this.#watched.has(user) || this.#sessions.has(user)
  }

  /** A session of `viewer` watches the user, whom it did not watch before. */
  add(watched: WatchedUser, watcher: PresenceWatcher, viewer: UserId): Watch {
    const watch = new Watch(watcher, viewer)
    watched.watches.set(watcher, watch)
    this.#watched.set(watched.user, watched)
    this.#watching.set(
      watcher,
      (this.#watching.get(watcher) ?? new Map<UserId, WatchedUser>()).set(watched.user, watched),
    )
    this.#sessions.set(viewer, (this.#sessions.get(viewer) ?? new Set()).add(watcher))
    this.#size++
    return watch
  }

  /** A session watches the user no more. Returns the user if nobody does now. */
  remove(watcher: PresenceWatcher, user: UserId): WatchedUser | undefined {
    const users = this.#watching.get(watcher)
    const watched = users?.get(user)
    const watch = watched?.watches.get(watcher)
    if (users === undefined || watched === undefined || watch === undefined) return undefined
    this.#size--
    users.delete(user)
    if (users.size === 0) this.#forgetSession(watcher, watch.viewer)
    watched.watches.delete(watcher)
    if (watched.watches.size > 0) return undefined
    this.#watched.delete(user)
    return watched
  }

  usersOf(watcher: PresenceWatcher): readonly UserId[] {
    return [...(this.#watching.get(watcher)?.keys() ?? [])]
  }

  /** Every watch that the user takes part in, as the watched or as the watching one. */
  concerning(user: UserId): [WatchedUser, Watch][] {
    const found: [WatchedUser, Watch][] = []
    const asWatched = this.#watched.get(user)
    for (const watch of asWatched?.watches.values() ?? []) found.push([asWatched!, watch])
    for (const watcher of this.#sessions.get(user) ?? []) {
      for (const watched of this.#watching.get(watcher)?.values() ?? []) {
        found.push([watched, watched.watches.get(watcher)!])
      }
    }
    return found
  }

  #forgetSession(watcher: PresenceWatcher, viewer: UserId): void {
    this.#watching.delete(watcher)
    const sessions = this.#sessions.get(viewer)
    sessions?.delete(watcher)
    if (sessions?.size === 0) this.#sessions.delete(viewer)
  }
}
