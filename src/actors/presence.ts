import type { Bus } from '../transport/bus.ts'
import { encodePrivacyRequest } from '../transport/mailbox-protocol.ts'
import { decodeNodeBeat, decodePresence, encodeNodeBeat, encodePresenceState } from '../transport/presence-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import type { Clock } from '../shared/clock.ts'
import type { Address, UserId } from '../shared/ids.ts'
import { PresenceFinder } from './presence-finder.ts'
import type { PresenceStore } from './presence-finder.ts'
import { PresenceHere } from './presence-here.ts'
import { PresenceNodes } from './presence-nodes.ts'
import type { PresenceNodesHost } from './presence-nodes.ts'
import { WatchedUser } from './presence-watch.ts'
import type { PresenceWatcher } from './presence-watch.ts'
import { Watchlist } from './presence-watchlist.ts'

export interface PresenceSettings {
  /** Users whose presence a session may watch. */
  readonly watchedUsers: number
  /** Watches of all sessions of a node. */
  readonly maxWatches: number
  /** A node gives a sign of itself so often. */
  readonly heartbeatMs: number
  /** So long without a sign, and a node counts as gone. */
  readonly silentMs: number
  /** Changes of who may see whom take effect after it: those of the same time share their look-ups. */
  readonly privacyDelayMs: number
  /** All that is known of watched users is asked for again within this time, so that nothing that was missed stays wrong. */
  readonly refreshMs: number
}

const PRIVACY_REQUEST = encodePrivacyRequest()
const MAX_UNTOLD = 1_000

/**
 * Who is online, on any node, and who wants to know. A user is online while one of its devices is connected. Other nodes
 * are heard on the user's subject while a session here watches the user; how it was before is asked of the user's
 * mailboxes. All of it is a hint that repairs itself: nothing waits for it, and what fails is asked again.
 */
export class Presence implements PresenceNodesHost {
  readonly #node: string
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #store: PresenceStore
  readonly #settings: PresenceSettings
  readonly #here: PresenceHere
  readonly #nodes: PresenceNodes
  readonly #watchlist = new Watchlist()
  readonly #finder: PresenceFinder
  /** Their choice, or contacts, have just changed. */
  readonly #doubted = new Set<UserId>()
  /** Theirs too, and their sessions could not be told. */
  readonly #untold = new Set<UserId>()
  readonly #beatHandler = { onBusMessage: (data: Uint8Array) => this.#onBeat(data) }
  #timer: NodeJS.Timeout | undefined
  #doubtTimer: NodeJS.Timeout | undefined

  constructor(node: string, bus: Bus, clock: Clock, store: PresenceStore, settings: PresenceSettings) {
    this.#node = node
    this.#bus = bus
    this.#clock = clock
    this.#store = store
    this.#settings = settings
    this.#here = new PresenceHere(node, bus)
    const silentTicks = Math.ceil(settings.silentMs / settings.heartbeatMs) + 1
    this.#nodes = new PresenceNodes(this, () => clock.now(), silentTicks)
    this.#finder = new PresenceFinder(node, bus, store, this.#watchlist, this.#nodes)
    bus.subscribe(subjects.everyNode, this.#beatHandler)
    bus.onReconnect(() => this.#reconnected())
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), this.#settings.heartbeatMs)
    this.#timer.unref()
  }

  /** Says goodbye to the other nodes. */
  stop(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    clearTimeout(this.#doubtTimer)
    this.#timer = undefined
    this.#bus.unsubscribe(subjects.everyNode, this.#beatHandler)
    this.#beat(true)
  }

  // Who is here.

  online({ user }: Address): void {
    if (!this.#here.come(user)) return
    const watched = this.#watchlist.find(user)
    if (watched === undefined) return
    watched.here = true
    watched.tell()
  }

  offline({ user }: Address): void {
    const now = this.#clock.now()
    if (!this.#here.go(user, now)) return
    this.#store.noteSeen(user, now)
    const watched = this.#watchlist.find(user)
    if (watched === undefined) return
    watched.here = false
    watched.seen(now)
    if (watched.asked) watched.tell()
    else if (watched.devices !== undefined) void this.#finder.ask(watched)
  }

  /** What this node answers to whoever asks for a user. */
  answer(user: UserId): Uint8Array {
    return encodePresenceState(this.#here.state(user, this.#store.peekSeen(user)))
  }

  // Who watches.

  /** Tells the watcher, a session of the viewer, how it is and of every change. Returns why not, if it does not. */
  watch(watcher: PresenceWatcher, viewer: UserId, user: UserId): 'TOO_LARGE' | 'OVERLOADED' | undefined {
    const watchlist = this.#watchlist
    const known = watchlist.find(user)?.watches.get(watcher)
    if (known !== undefined) {
      known.repeat()
      return undefined
    }
    const { watchedUsers, maxWatches } = this.#settings
    if (watchlist.count(watcher) >= watchedUsers) return 'TOO_LARGE'
    if (watchlist.size >= maxWatches) return 'OVERLOADED'
    const watched = watchlist.find(user) ?? this.#begin(user)
    void this.#finder.lookUp(watched, watchlist.add(watched, watcher, viewer))
    return undefined
  }

  unwatch(watcher: PresenceWatcher, user: UserId): void {
    const ended = this.#watchlist.remove(watcher, user)
    if (ended === undefined) return
    this.#finder.forget(ended)
    this.#bus.unsubscribe(subjects.presence(user), ended)
  }

  unwatchAll(watcher: PresenceWatcher): void {
    for (const user of this.#watchlist.usersOf(watcher)) this.unwatch(watcher, user)
  }

  // Who may see whom.

  /** The user's choice, or their contacts, were changed on this node. Takes effect on all. */
  privacyChanged(user: UserId): void {
    this.privacyHeard(user)
    this.#here.tellPrivacy(user)
    void this.#tellSessions(user)
  }

  /** It was changed on some node: what sessions here see of the user, and the user's own sessions see, is looked up again. */
  privacyHeard(user: UserId): void {
    if (!this.#watchlist.concerns(user)) return
    this.#doubted.add(user)
    this.#doubtTimer ??= setTimeout(() => this.#lookUpDoubted(), this.#settings.privacyDelayMs).unref()
  }

  // What the other nodes are.

  nodeGone(node: string, users: ReadonlySet<UserId>, heardAt: number): void {
    for (const user of users) {
      const watched = this.#watchlist.find(user)
      if (watched === undefined) continue
      watched.sources.drop(node)
      watched.seen(heardAt)
      // The node that is gone can not write it.
      if (!watched.online) this.#store.noteSeen(user, heardAt)
      watched.tell()
    }
  }

  nodeBack(_node: string, users: ReadonlySet<UserId>): void {
    for (const user of users) {
      const watched = this.#watchlist.find(user)
      if (watched !== undefined) this.#finder.retry(watched)
    }
  }

  /** Gives a sign of this node, notices who gave none, and finds out again what failed or is old. */
  tick(): void {
    this.#beat(false)
    this.#nodes.tick(this.#bus.connected)
    this.#finder.refreshSome(this.#settings.heartbeatMs / this.#settings.refreshMs)
    const untold = [...this.#untold]
    this.#untold.clear()
    for (const user of untold) void this.#tellSessions(user)
  }

  #begin(user: UserId): WatchedUser {
    const watched = new WatchedUser(user, this.#here.has(user), (one, data) => this.#onPresence(one, data))
    this.#bus.subscribe(subjects.presence(user), watched)
    return watched
  }

  /** Tells the user's sessions, which may watch others on any node; tried again at the next tick if it fails. */
  async #tellSessions(user: UserId): Promise<void> {
    try {
      const { devices } = await this.#store.find(user, user)
      const sent = devices.map((device) => this.#bus.publish(subjects.mailbox({ user, device }), PRIVACY_REQUEST))
      if (sent.every(Boolean)) return
    } catch {
      // The database is away.
    }
    if (this.#untold.size < MAX_UNTOLD) this.#untold.add(user)
  }

  #onBeat(data: Uint8Array): void {
    const beat = understood(() => decodeNodeBeat(data))
    if (beat !== undefined) this.#nodes.beat(beat)
  }

  #onPresence(watched: WatchedUser, data: Uint8Array): void {
    const message = understood(() => decodePresence(data))
    if (message === undefined || message.type === 'unknown' || message.node === this.#node) return
    if (message.type === 'privacy') this.privacyHeard(watched.user)
    else this.#finder.hear(watched, message)
  }

  #lookUpDoubted(): void {
    this.#doubtTimer = undefined
    const users = [...this.#doubted]
    this.#doubted.clear()
    for (const user of users) {
      for (const [watched, watch] of this.#watchlist.concerning(user)) {
        watch.doubted = true
        void this.#finder.lookUp(watched, watch)
      }
    }
  }

  /** The subscriptions are in force again; what was said meanwhile was not heard. */
  #reconnected(): void {
    this.#here.tellAgain((user) => this.#store.peekSeen(user))
    this.#finder.refreshAll()
  }

  #beat(leaving: boolean): void {
    this.#bus.publish(subjects.node(this.#node), encodeNodeBeat({ node: this.#node, leaving }))
  }
}

/** What a node says that cannot be read is as good as unsaid. */
function understood<Message>(decode: () => Message): Message | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}
