import { LRUCache } from 'lru-cache'
import type { PresenceFrame } from '../../proto/frames.ts'
import type { Clock } from '../shared/clock.ts'
import type { Address, UserId } from '../shared/ids.ts'

/** Whoever watches: a session. */
export interface PresenceWatcher {
  send(frame: PresenceFrame): void
}

const MAX_LAST_SEEN = 100_000

/** Who is online on this node, and who wants to know. A user is online while one of its devices is connected. */
export class Presence {
  readonly #clock: Clock
  readonly #maxWatched: number
  /** Connected devices of a user. */
  readonly #devices = new Map<UserId, number>()
  readonly #lastSeen = new LRUCache<UserId, number>({ max: MAX_LAST_SEEN })
  readonly #watchers = new Map<UserId, Set<PresenceWatcher>>()
  readonly #watched = new Map<PresenceWatcher, Set<UserId>>()

  constructor(clock: Clock, maxWatched: number) {
    this.#clock = clock
    this.#maxWatched = maxWatched
  }

  online({ user }: Address): void {
    const devices = this.#devices.get(user) ?? 0
    this.#devices.set(user, devices + 1)
    if (devices === 0) this.#tell(user)
  }

  offline({ user }: Address): void {
    const devices = this.#devices.get(user) ?? 1
    if (devices > 1) return void this.#devices.set(user, devices - 1)
    this.#devices.delete(user)
    this.#lastSeen.set(user, this.#clock.now())
    this.#tell(user)
  }

  /** Tells the watcher how it is now, and of every change. False: it watches too many. */
  watch(watcher: PresenceWatcher, user: UserId): boolean {
    const users = this.#watched.get(watcher) ?? new Set()
    if (!users.has(user) && users.size >= this.#maxWatched) return false
    this.#watched.set(watcher, users.add(user))
    this.#watchers.set(user, (this.#watchers.get(user) ?? new Set()).add(watcher))
    watcher.send(this.#frame(user))
    return true
  }

  unwatch(watcher: PresenceWatcher, user: UserId): void {
    const users = this.#watched.get(watcher)
    if (users?.delete(user) !== true) return
    if (users.size === 0) this.#watched.delete(watcher)
    const watchers = this.#watchers.get(user)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#watchers.delete(user)
  }

  unwatchAll(watcher: PresenceWatcher): void {
    for (const user of this.#watched.get(watcher) ?? []) this.unwatch(watcher, user)
  }

  #tell(user: UserId): void {
    const watchers = this.#watchers.get(user)
    if (watchers === undefined) return
    const frame = this.#frame(user)
    for (const watcher of watchers) watcher.send(frame)
  }

  #frame(user: UserId): PresenceFrame {
    const online = this.#devices.has(user)
    return { type: 'presence', user, online, lastSeen: online ? 0 : (this.#lastSeen.get(user) ?? 0) }
  }
}
