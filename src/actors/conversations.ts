import type { UserId } from '../shared/ids.ts'
import type { ChainEffects } from './chain.ts'
import { Conversation } from './conversation.ts'
import type { ConversationItem } from './conversation.ts'

/** What one session sends, by recipient; so many of them, the oldest forgotten first. */
export class Conversations<Item extends ConversationItem> {
  readonly #max: number
  readonly #effects: ChainEffects<Item>
  /** In the order in which they began. */
  readonly #byUser = new Map<UserId, Conversation<Item>>()
  /** One that refuses was forgotten, so each that begins from now on may be that one: it refuses until told otherwise. */
  #forgot = false

  constructor(max: number, effects: ChainEffects<Item>) {
    this.#max = max
    this.#effects = effects
  }

  get size(): number {
    return this.#byUser.size
  }

  find(user: UserId): Conversation<Item> | undefined {
    return this.#byUser.get(user)
  }

  /** The conversation with a user, begun if there is none; undefined when something is on its way in all there may be. */
  open(user: UserId): Conversation<Item> | undefined {
    const known = this.#byUser.get(user)
    if (known !== undefined) return known
    if (this.#byUser.size >= this.#max && !this.#forgetOldest()) {
      this.#forgot = true
      return undefined
    }
    const conversation = new Conversation<Item>(user, this.#effects)
    if (this.#forgot) conversation.goBack()
    this.#byUser.set(user, conversation)
    return conversation
  }

  /** What waits for its turn is dropped; what is on its way goes on. */
  close(): void {
    for (const conversation of this.#byUser.values()) conversation.refuse()
    this.#byUser.clear()
  }

  /**
   * Forgets the oldest in which nothing is on its way: its next batch makes the mailbox read its rows, no more. Looks at
   * no more than have something on their way, which are few.
   */
  #forgetOldest(): boolean {
    for (const [user, conversation] of this.#byUser) {
      if (!conversation.idle) continue
      if (conversation.refuses) this.#forgot = true
      this.#byUser.delete(user)
      return true
    }
    return false
  }
}
