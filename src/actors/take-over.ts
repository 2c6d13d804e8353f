import { CloseCode } from '../../proto/close-codes.ts'
import type { Bus } from '../transport/bus.ts'
import { decodeReply, encodeTakeOver } from '../transport/mailbox-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import { within } from '../shared/within.ts'
import { MailboxEndpoint } from './mailbox-endpoint.ts'
import type { MailboxActor } from './mailbox-actor.ts'
import type { Residents } from './residents.ts'

export interface TakeOverOptions {
  /** How long an older actor is waited for. */
  readonly timeoutMs: number
}

/**
 * Makes an actor the one that holds its mailbox: the older one on this node or another closes first, then the
 * subscription comes into force, and only then are rows read. An actor with a higher connection number stays.
 */
export class TakeOver {
  readonly #residents: Residents
  readonly #bus: Bus
  readonly #options: TakeOverOptions

  constructor(residents: Residents, bus: Bus, options: TakeOverOptions) {
    this.#residents = residents
    this.#bus = bus
    this.#options = options
  }

  /** Resolves when the actor delivers, or with the number of the newer one that stays. */
  async start(actor: MailboxActor): Promise<number | undefined> {
    const older = this.#residents.find(actor.address)
    if (older !== undefined && older.isNewerThan(actor)) return older.number
    this.#residents.add(actor)
    if (older !== undefined) await within(older.close(CloseCode.REPLACED), this.#options.timeoutMs)
    if (actor.closed) return undefined
    if (await this.#askOthers(actor)) return actor.number + 1
    if (actor.closed) return undefined
    const endpoint = new MailboxEndpoint(actor)
    actor.endpoint = endpoint
    this.#bus.subscribe(subjects.mailbox(actor.address), endpoint)
    actor.routable = true
    await this.#bus.flush()
    actor.start()
    return undefined
  }

  /** The actor is found no more. */
  end(actor: MailboxActor): void {
    this.#residents.remove(actor)
    if (actor.endpoint !== undefined) this.#bus.unsubscribe(subjects.mailbox(actor.address), actor.endpoint)
  }

  /** Asks actors on other nodes to close; true: one of them is newer. */
  #askOthers(actor: MailboxActor): Promise<boolean> {
    const asked = new Promise<boolean>((resolve) => {
      this.#bus.request(subjects.mailbox(actor.address), () => encodeTakeOver(actor), {
        onReply: (data) => {
          resolve(decodeReply(data).superseded)
          return true
        },
        onNoResponders: () => resolve(false),
        onTimeout: () => resolve(false),
      })
    })
    return within(asked, this.#options.timeoutMs).then((superseded) => superseded ?? false)
  }
}
