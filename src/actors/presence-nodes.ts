import type { UserId } from '../shared/ids.ts'
import type { NodeBeat } from '../transport/presence-protocol.ts'

export interface PresenceNodesHost {
  /** A node is gone or silent: whoever was online through it is so no more. `heardAt`: the last sign of it, ms. */
  nodeGone(node: string, users: ReadonlySet<UserId>, heardAt: number): void
  /** A silent node is heard again: these users were online through it. */
  nodeBack(node: string, users: ReadonlySet<UserId>): void
}

interface KnownNode {
  /** Watched users who are, or were before it fell silent, online through it. */
  readonly users: Set<UserId>
  /** Ticks of this node since it was heard. */
  missed: number
  silent: boolean
  heardAt: number
}

/** After so many ticks a silent node is forgotten. */
const FORGET_TICKS = 200

/**
 * The other nodes through which watched users are online. Silence is counted in this node's own ticks, not by a clock:
 * a node that was frozen itself blames nobody.
 */
export class PresenceNodes {
  readonly #host: PresenceNodesHost
  readonly #now: () => number
  readonly #silentTicks: number
  readonly #nodes = new Map<string, KnownNode>()

  /** @param silentTicks - after so many ticks without a sign a node counts as gone */
  constructor(host: PresenceNodesHost, now: () => number, silentTicks: number) {
    this.#host = host
    this.#now = now
    this.#silentTicks = silentTicks
  }

  /** The node says that the user is online there. */
  add(id: string, user: UserId): void {
    const known = this.#nodes.get(id)
    if (known?.silent === true) this.#back(id, known)
    const node = this.#nodes.get(id) ?? { users: new Set(), missed: 0, silent: false, heardAt: 0 }
    this.#nodes.set(id, node)
    node.users.add(user)
    this.#heard(node)
  }

  remove(id: string, user: UserId): void {
    const node = this.#nodes.get(id)
    node?.users.delete(user)
    if (node?.users.size === 0) this.#nodes.delete(id)
  }

  /** The user is watched no more. */
  forget(user: UserId): void {
    for (const id of this.#nodes.keys()) this.remove(id, user)
  }

  beat({ node: id, leaving }: NodeBeat): void {
    const node = this.#nodes.get(id)
    if (node === undefined) return
    if (!leaving) return node.silent ? this.#back(id, node) : this.#heard(node)
    this.#nodes.delete(id)
    if (!node.silent) this.#host.nodeGone(id, node.users, this.#now())
  }

  /** To be called as often as nodes give a sign. `connected`: without the bus nobody can be heard. */
  tick(connected: boolean): void {
    for (const [id, node] of this.#nodes) {
      node.missed = connected ? node.missed + 1 : 0
      if (node.missed === this.#silentTicks && !node.silent) {
        node.silent = true
        this.#host.nodeGone(id, node.users, node.heardAt)
      }
      if (node.missed >= FORGET_TICKS) this.#nodes.delete(id)
    }
  }

  #heard(node: KnownNode): void {
    node.missed = 0
    node.heardAt = this.#now()
  }

  /** What was known of a silent node counts no more. */
  #back(id: string, node: KnownNode): void {
    this.#nodes.delete(id)
    this.#host.nodeBack(id, node.users)
  }
}
