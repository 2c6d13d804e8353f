import { CloseCode } from '../../proto/close-codes.ts'
import type { Bus } from '../transport/bus.ts'
import { decodeReply, encodeRemovedRequest, encodeTakeOver } from '../transport/mailbox-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import type { Address } from '../shared/ids.ts'
import { within } from '../shared/within.ts'
import { MailboxEndpoint } from './mailbox-endpoint.ts'
import type { UserPresence } from './mailbox-endpoint.ts'
import type { MailboxActor } from './mailbox-actor.ts'
import type { Residents } from './residents.ts'

export interface TakeOverOptions {
  /** How long an older actor is waited for. */
  readonly timeoutMs: number
  /** Closes the actor if its device is gone. */
  recheck(actor: MailboxActor): Promise<void>
}

/**
 * Makes an actor the one that holds its mailbox: the older one on this node or another closes first, then the
 * subscription comes into force, and only then are rows read. An actor with a higher connection number stays.
 */
export class TakeOver {
  readonly #residents: Residents
  readonly #bus: Bus
  readonly #presence: UserPresence
  readonly #options: TakeOverOptions

  constructor(residents: Residents, bus: Bus, presence: UserPresence, options: TakeOverOptions) {
    this.#residents = residents
    this.#bus = bus
    this.#presence = presence
    this.#options = options
  }

  /** Resolves when the actor delivers, or with the number of the newer one that stays. */
  async start(actor: MailboxActor): Promise<number | undefined> {
    const older = this.#residents.find(actor.address)
    if (older !== undefined && older.isNewerThan(actor)) return older.number
    this.#residents.add(actor)
    if (older !== undefined) await within(older.close(CloseCode.REPLACED), this.#options.timeoutMs)
    if (actor.closed) return undefined
    const newest = await this.#askOthers(actor)
    if (newest > 0) return newest
    if (actor.closed) return undefined
    const endpoint = new MailboxEndpoint(actor, this.#presence, (one) => this.#options.recheck(one))
    actor.endpoint = endpoint
    this.#bus.subscribe(subjects.mailbox(actor.address), endpoint)
    actor.routable = true
    await this.#bus.flush()
    actor.start()
    return undefined
  }

  /**
   * A device has been removed: resolves when its actor, on whatever node, delivers nothing more, or when no node has
   * answered in time.
   */
  async endRemoved(address: Address): Promise<void> {
    const actor = this.#residents.find(address)
    if (actor !== undefined) await within(actor.close(CloseCode.DEVICE_REMOVED), this.#options.timeoutMs)
    await new Promise<void>((resolve) => {
      this.#bus.requestAll(subjects.mailbox(address), encodeRemovedRequest, {
        onReply: () => {
          resolve()
          return true
        },
        onNoResponders: resolve,
        onTimeout: resolve,
      })
    })
  }

  /** The actor is found no more. */
  end(actor: MailboxActor): void {
    this.#residents.remove(actor)
    if (actor.endpoint !== undefined) this.#bus.unsubscribe(subjects.mailbox(actor.address), actor.endpoint)
  }

  /** Asks actors on other nodes to close; the number of one that is newer, or 0. */
  #askOthers(actor: MailboxActor): Promise<number> {
    const asked = new Promise<number>((resolve) => {
      this.#bus.requestAll(subjects.mailbox(actor.address), () => encodeTakeOver(actor), {
        onReply: (data) => {
          resolve(decodeReply(data).supersededBy)
          return true
        },
        onNoResponders: () => resolve(0),
        onTimeout: () => resolve(0),
      })
    })
    return within(asked, this.#options.timeoutMs).then((number) => number ?? 0)
  }
}
