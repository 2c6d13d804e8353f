import type { PresenceState } from '../transport/presence-protocol.ts'

interface Source {
  readonly change: number
  readonly online: boolean
  readonly round: number
}

/**
 * Through which other nodes a user is online. Nodes tell their changes, and are asked in rounds; what comes late, and
 * is older than what is known, changes nothing.
 */
export class Sources {
  readonly #sources = new Map<string, Source>()
  #round = 0
  #online = 0

  get online(): boolean {
    return this.#online > 0
  }

  /** Takes what a node says; false: a later state of it is known. */
  hear({ node, change, online }: PresenceState): boolean {
    const before = this.#sources.get(node)
    if (before !== undefined && before.change > change) return false
    this.#count(before, -1)
    const source = { change, online, round: this.#round }
    this.#sources.set(node, source)
    this.#count(source, 1)
    return true
  }

  /** The node is gone, or will not be heard of. */
  drop(node: string): void {
    this.#count(this.#sources.get(node), -1)
    this.#sources.delete(node)
  }

  /** All nodes are asked now. */
  beginRound(): void {
    this.#round++
  }

  /** All have answered: who was not heard of since the round began is dropped. Returns the nodes that were wrongly online. */
  endRound(): string[] {
    const wrong: string[] = []
    for (const [node, { online, round }] of this.#sources) {
      if (online && round === this.#round) continue
      if (online) wrong.push(node)
      this.drop(node)
    }
    return wrong
  }

  #count(source: Source | undefined, by: number): void {
    if (source?.online === true) this.#online += by
  }
}
