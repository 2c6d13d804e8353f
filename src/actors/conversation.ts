import type { Envelope } from '../shared/envelope.ts'
import type { DeviceId, UserId } from '../shared/ids.ts'
import { Chain } from './chain.ts'
import type { ChainEffects } from './chain.ts'

export interface ConversationItem {
  readonly envelope: Envelope
}

/**
 * What one session sends to one user: a chain for each device, and the rule that a refusal goes back. After a refused
 * send every later one is refused, until one says that it is the first again: so none overtakes the one before it.
 */
export class Conversation<Item extends ConversationItem> {
  readonly user: UserId
  /** The session has been told, one way or another, that there is such a user. */
  known = false
  readonly #effects: ChainEffects<Item>
  readonly #chains: Chain<Item>[] = []
  #refusing = false

  constructor(user: UserId, effects: ChainEffects<Item>) {
    this.user = user
    this.#effects = effects
  }

  /** Nothing is on its way. */
  get idle(): boolean {
    return this.#chains.every((chain) => chain.idle)
  }

  /** Sends go back until one says that it is the first again. */
  get refuses(): boolean {
    return this.#refusing
  }

  /** Whether a send may be taken; `first` lifts a refusal. */
  admit(first: boolean): boolean {
    if (first) this.#refusing = false
    return !this.#refusing
  }

  /** A send was not taken: later ones go back. What was taken before it goes on. */
  goBack(): void {
    this.#refusing = true
  }

  /** What was taken is refused: all that waits for its turn comes later, so it is refused with it and returned. */
  refuse(): readonly Item[] {
    this.goBack()
    return this.#chains.flatMap((chain) => chain.takeWaiting())
  }

  /** Puts an item on the chain of its device; {@link launch} sends it. */
  add(device: DeviceId, item: Item): void {
    this.#chain(device).add(item)
  }

  /** What waits for the device must not leave before {@link release}. */
  hold(device: DeviceId): void {
    this.#chain(device).hold()
  }

  release(device: DeviceId): void {
    this.#chain(device).release()
  }

  launch(): void {
    for (const chain of this.#chains) chain.launch()
  }

  #chain(device: DeviceId): Chain<Item> {
    for (const chain of this.#chains) if (chain.to.device === device) return chain
    const chain = new Chain<Item>({ user: this.user, device }, this.#effects)
    this.#chains.push(chain)
    return chain
  }
}
