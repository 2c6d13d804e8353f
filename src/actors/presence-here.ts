import type { Bus } from '../transport/bus.ts'
import { encodePresenceState, encodePrivacyChanged } from '../transport/presence-protocol.ts'
import type { PresenceState } from '../transport/presence-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import type { UserId } from '../shared/ids.ts'

/** Changes that could not be told while the bus was away, at most. */
const MAX_UNTOLD = 100_000

/** Who is online on this node. Tells the others when a user's first device comes and the last one goes. */
export class PresenceHere {
  readonly #node: string
  readonly #bus: Bus
  /** Connected devices of a user. */
  readonly #devices = new Map<UserId, number>()
  readonly #untold = new Set<UserId>()
  readonly #untoldPrivacy = new Set<UserId>()
  #changes = 0

  constructor(node: string, bus: Bus) {
    this.#node = node
    this.#bus = bus
  }

  has(user: UserId): boolean {
    return this.#devices.has(user)
  }

  /** A device of the user has come. True: it is the first one here. */
  come(user: UserId): boolean {
    const devices = this.#devices.get(user) ?? 0
    this.#devices.set(user, devices + 1)
    if (devices > 0) return false
    this.#tell(user, 0)
    return true
  }

  /** A device has gone. True: it was the last one here. */
  go(user: UserId, now: number): boolean {
    const devices = this.#devices.get(user) ?? 1
    if (devices > 1) {
      this.#devices.set(user, devices - 1)
      return false
    }
    this.#devices.delete(user)
    this.#tell(user, now)
    return true
  }

  state(user: UserId, lastSeen: number): PresenceState {
    const online = this.has(user)
    return { node: this.#node, change: this.#changes, online, lastSeen: online ? 0 : lastSeen }
  }

  /** The user's choice of who may see, or their contacts, have changed. */
  tellPrivacy(user: UserId): void {
    if (!this.#bus.publish(subjects.presence(user), encodePrivacyChanged(this.#node))) {
      remember(this.#untoldPrivacy, user)
    }
  }

  /** The bus is back: tells what could not be told. `lastSeen` says when somebody was who has gone meanwhile. */
  tellAgain(lastSeen: (user: UserId) => number): void {
    const [untold, untoldPrivacy] = [[...this.#untold], [...this.#untoldPrivacy]]
    this.#untold.clear()
    this.#untoldPrivacy.clear()
    for (const user of untold) this.#tell(user, lastSeen(user))
    for (const user of untoldPrivacy) this.tellPrivacy(user)
  }

  #tell(user: UserId, lastSeen: number): void {
    this.#changes++
    const told = this.#bus.publish(subjects.presence(user), encodePresenceState(this.state(user, lastSeen)))
    if (!told) remember(this.#untold, user)
  }
}

/** Adds to a bounded set; the oldest one makes room. */
function remember(users: Set<UserId>, user: UserId): void {
  users.add(user)
  if (users.size <= MAX_UNTOLD) return
  for (const oldest of users) {
    users.delete(oldest)
    return
  }
}
