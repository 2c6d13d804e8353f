import { addressKey, MAX_DEVICES } from '../shared/ids.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { MailboxActor } from './mailbox-actor.ts'

/** The mailbox actors of this node. A device has at most one here: the newest. */
export class Residents {
  readonly #actors = new Map<number, MailboxActor>()

  get size(): number {
    return this.#actors.size
  }

  find(address: Address): MailboxActor | undefined {
    return this.#actors.get(addressKey(address.user, address.device))
  }

  /** Those of a user. */
  findAll(user: UserId): readonly MailboxActor[] {
    const actors: MailboxActor[] = []
    for (let device = 1; device <= MAX_DEVICES; device++) {
      const actor = this.#actors.get(addressKey(user, device as DeviceId))
      if (actor !== undefined) actors.push(actor)
    }
    return actors
  }

  /** Puts an actor in the place of an older one. */
  add(actor: MailboxActor): void {
    this.#actors.set(addressKey(actor.address.user, actor.address.device), actor)
  }

  /** Takes an actor out, unless a newer one has its place. */
  remove(actor: MailboxActor): void {
    if (this.find(actor.address) !== actor) return
    this.#actors.delete(addressKey(actor.address.user, actor.address.device))
  }

  [Symbol.iterator](): IterableIterator<MailboxActor> {
    return this.#actors.values()
  }
}
