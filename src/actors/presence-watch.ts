import type { PresenceFrame } from '../../proto/frames.ts'
import type { BusHandler } from '../transport/bus.ts'
import type { DeviceId, UserId } from '../shared/ids.ts'
import { Sources } from './presence-sources.ts'

/** Whoever watches: a session. */
export interface PresenceWatcher {
  send(frame: PresenceFrame): void
}

/** One session that watches one user. */
export class Watch {
  readonly watcher: PresenceWatcher
  /** Whose session it is. */
  readonly viewer: UserId
  /** Whether the viewer may see; undefined: not looked up yet. */
  sees: boolean | undefined
  /** Somebody's choice has changed since it was looked up. */
  doubted = true
  /** Of the last look-up: the answer of an earlier one does not count. */
  lookUp = 0
  #told: PresenceFrame | undefined

  constructor(watcher: PresenceWatcher, viewer: UserId) {
    this.watcher = watcher
    this.viewer = viewer
  }

  /** Says how it is, if that is not what was said last. */
  tell(frame: PresenceFrame): void {
    if (this.#told?.online === frame.online && this.#told.lastSeen === frame.lastSeen) return
    this.#told = frame
    this.watcher.send(frame)
  }

  /** Says what was said last once more. */
  repeat(): void {
    if (this.#told !== undefined) this.watcher.send(this.#told)
  }
}

/** What is known of a user whom sessions of this node watch. */
export class WatchedUser implements BusHandler {
  readonly onlyHears = true
  readonly user: UserId
  readonly watches = new Map<PresenceWatcher, Watch>()
  /** The other nodes through which the user is online. */
  readonly sources = new Sources()
  readonly #onPresence: (watched: WatchedUser, data: Uint8Array) => void
  /** Whether the user is online on this node. */
  here: boolean
  /** Who are asked whether the user is online; undefined: not looked up yet. */
  devices: readonly DeviceId[] | undefined
  /** Whether the other nodes have been asked, with whatever result. */
  asked = false
  asking = false
  #lastSeen = 0
  /** As everybody sees it who may not see more: as somebody who was never here. */
  readonly #hidden: PresenceFrame

  constructor(user: UserId, here: boolean, onPresence: (watched: WatchedUser, data: Uint8Array) => void) {
    this.user = user
    this.here = here
    this.#onPresence = onPresence
    this.#hidden = { type: 'presence', user, online: false, lastSeen: 0 }
  }

  get online(): boolean {
    return this.here || this.sources.online
  }

  onBusMessage(data: Uint8Array): void {
    this.#onPresence(this, data)
  }

  /** The user was there then: ms. */
  seen(at: number): void {
    if (at > this.#lastSeen) this.#lastSeen = at
  }

  /** Tells all watchers how it is, those to whom that is new. */
  tell(): void {
    for (const watch of this.watches.values()) this.tellOne(watch)
  }

  /**
   * Tells one watcher, as soon as it is known. Who may not see waits as long as for somebody who is offline, so that the
   * time tells nothing either.
   */
  tellOne(watch: Watch): void {
    const { sees } = watch
    if (sees === true && (this.asked || this.online)) watch.tell(this.#frame())
    else if (sees === false && this.asked) watch.tell(this.#hidden)
  }

  #frame(): PresenceFrame {
    const { user, online } = this
    return { type: 'presence', user, online, lastSeen: online ? 0 : this.#lastSeen }
  }
}
