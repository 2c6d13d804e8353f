import type { Bus } from '../transport/bus.ts'
import type { PresenceState } from '../transport/presence-protocol.ts'
import type { UserId } from '../shared/ids.ts'
import type { PresenceRecord } from '../storage/privacy.ts'
import { inquire } from './presence-inquiry.ts'
import type { PresenceNodes } from './presence-nodes.ts'
import { maySee } from './presence-privacy.ts'
import type { Watch, WatchedUser } from './presence-watch.ts'
import type { Watchlist } from './presence-watchlist.ts'

/** What the storage knows about presence. */
export interface PresenceStore {
  /** What `owner`'s rows say, as to `other`; rejects when the database is away. */
  find(owner: UserId, other: UserId): Promise<PresenceRecord>
  /** Writes down when a user was seen, soon: ms. */
  noteSeen(user: UserId, at: number): void
  /** What of it is not written yet: ms; 0: nothing. */
  peekSeen(user: UserId): number
}

/** Look-ups that are tried again after a fault at a tick, and as many that are refreshed: a user has one for each watcher. */
const LOOK_UPS = 1_000
/** Users who are asked for at a time when all are, and look-ups of each. */
const CONCURRENT = 50
const CONCURRENT_LOOK_UPS = 10

/**
 * Finds out about watched users: who may see them, in the storage, and whether they are online, from the other nodes.
 * What fails is tried again.
 */
export class PresenceFinder {
  readonly #node: string
  readonly #bus: Bus
  readonly #store: PresenceStore
  readonly #watchlist: Watchlist
  readonly #nodes: PresenceNodes
  /** What is known of them may be wrong. */
  readonly #retries = new Set<WatchedUser>()
  /** Whose turn it is to be refreshed, and how many look-ups are due. */
  #turn: Iterator<WatchedUser>
  #due = 0

  constructor(node: string, bus: Bus, store: PresenceStore, watchlist: Watchlist, nodes: PresenceNodes) {
    this.#node = node
    this.#bus = bus
    this.#store = store
    this.#watchlist = watchlist
    this.#nodes = nodes
    this.#turn = watchlist.all()
  }

  /** A node says whether the user is online there. */
  hear(watched: WatchedUser, state: PresenceState): void {
    if (state.node === this.#node || !this.#watchlist.has(watched) || !watched.sources.hear(state)) return
    watched.seen(state.lastSeen)
    if (state.online) this.#nodes.add(state.node, watched.user)
    else this.#nodes.remove(state.node, watched.user)
    watched.tell()
  }

  /** Whether the viewer may see, and when the user was last seen; then the other nodes are asked, if that is needed. */
  async lookUp(watched: WatchedUser, watch: Watch): Promise<void> {
    const { user } = watched
    const { viewer } = watch
    const own = user === viewer
    const lookUp = ++watch.lookUp
    const isCurrent = () => watch.lookUp === lookUp && watched.watches.get(watch.watcher) === watch
    try {
      const theirs = this.#store.find(user, viewer)
      const [record, back] = await Promise.all([theirs, own ? theirs : this.#store.find(viewer, user)])
      if (!isCurrent()) return
      watch.sees = maySee({ own, shown: record.shown, showsBack: back.shown })
      watch.doubted = false
      watched.devices = record.devices
      watched.seen(Math.max(record.lastSeen, this.#store.peekSeen(user)))
    } catch {
      if (!isCurrent()) return
      this.#retries.add(watched)
      if (watch.doubted) watch.sees = false
    }
    // A user who is here is online: only whom that is not shown to must wait as if it were not so.
    if (!watched.asked && !(watched.here && watch.sees === true)) void this.ask(watched)
    else watched.tellOne(watch)
  }

  /** Asks the other nodes for the user. */
  async ask(watched: WatchedUser): Promise<void> {
    if (watched.asking) return
    watched.asking = true
    await this.#bus.flush()
    watched.sources.beginRound()
    const { user, devices } = watched
    const hear = (state: PresenceState) => this.hear(watched, state)
    const complete = devices !== undefined && (await inquire(this.#bus, user, devices, hear))
    watched.asking = false
    if (!this.#watchlist.has(watched)) return
    if (complete) for (const node of watched.sources.endRound()) this.#nodes.remove(node, user)
    else this.#retries.add(watched)
    watched.asked = true
    watched.tell()
  }

  /** At a later tick all about the user is found out again. */
  retry(watched: WatchedUser): void {
    this.#retries.add(watched)
  }

  /** Finds out again what failed, for so many that it does no harm, and about this share of all users in turn. */
  refreshSome(share: number): void {
    let left = LOOK_UPS
    for (const watched of this.#retries) {
      if (left <= 0) break
      left -= watched.watches.size
      this.#retries.delete(watched)
      void this.#refresh(watched)
    }
    this.#due = Math.min(this.#due + this.#watchlist.size * share, LOOK_UPS)
    while (this.#due >= 1) {
      let next = this.#turn.next()
      if (next.done === true) {
        this.#turn = this.#watchlist.all()
        next = this.#turn.next()
      }
      if (next.done === true) break
      this.#due -= next.value.watches.size
      void this.#refresh(next.value)
    }
  }

  /** Finds out everything again. */
  refreshAll(): void {
    const all = this.#watchlist.all()
    for (let i = 0; i < CONCURRENT; i++) void this.#refreshRest(all)
  }

  /** The user is watched no more. */
  forget(watched: WatchedUser): void {
    this.#retries.delete(watched)
    this.#nodes.forget(watched.user)
  }

  async #refreshRest(rest: Iterator<WatchedUser>): Promise<void> {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await this.#refresh(next.value)
  }

  async #lookUpRest(watched: WatchedUser, rest: Iterator<Watch>): Promise<void> {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await this.lookUp(watched, next.value)
  }

  async #refresh(watched: WatchedUser): Promise<void> {
    if (!this.#watchlist.has(watched)) return
    const watches = watched.watches.values()
    await Promise.all(Array.from({ length: CONCURRENT_LOOK_UPS }, () => this.#lookUpRest(watched, watches)))
    if (this.#watchlist.has(watched)) await this.ask(watched)
  }
}
