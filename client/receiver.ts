import { Kind } from '../proto/frames.ts'
import type { AckFrame, DeliverFrame, WireEnvelope } from '../proto/frames.ts'
import { isClientId } from '../proto/limits.ts'
import { Arrival } from './arrival.ts'
import type { Session } from './connection.ts'
import type { DeviceState } from './device-state.ts'
import type { HistoryShelf } from './history-shelf.ts'
import type { Incoming } from './incoming.ts'
import type { Ledger } from './ledger.ts'
import type { Status } from './receipts.ts'
import type { Transaction } from './store.ts'

const STALE = 'stale'
/** The server never has more under way; more than this is not taken on. */
const MAX_WAITING = 10_000

export interface ReceiverOwner {
  readonly ledger: Ledger
  readonly device: DeviceState
  readonly incoming: Incoming
  readonly shelf: Pick<HistoryShelf, 'advance'>
  isCurrent(session: Session): boolean
  send(frame: AckFrame): void
  arrived(arrival: Arrival): void
  /** The connection cannot go on. */
  drop(reason: string): void
  /** The store failed. */
  broken(error: unknown): void
}

/**
 * The receiving side: an envelope, the mark that it came, and the position up to which all is stored are one
 * transaction; only then is it shown, and acknowledged.
 */
export class Receiver {
  readonly #owner: ReceiverOwner
  /** The last delivery of the session that was taken on. */
  #seq = 0
  #storedSeq = 0
  #ackPlanned = false

  constructor(owner: ReceiverOwner) {
    this.#owner = owner
  }

  connected(): void {
    this.#seq = 0
    this.#storedSeq = 0
  }

  deliver({ seq, envelope }: DeliverFrame, session: Session): void {
    const { ledger, device } = this.#owner
    if (seq !== this.#seq + 1) return this.#owner.drop('A delivery is missing')
    if (ledger.size > MAX_WAITING) return this.#owner.drop('More deliveries than can be stored')
    this.#seq = seq
    ledger.record<Arrival | typeof STALE>({
      apply: async (transaction) => {
        if (!this.#owner.isCurrent(session)) return STALE
        const arrival = await this.#store(transaction, envelope)
        device.write(transaction, { position: { connection: session.number, seq } })
        return arrival
      },
      done: (arrival) => {
        if (arrival === STALE) return
        if (this.#owner.isCurrent(session)) this.#acknowledge(seq, session)
        this.#owner.arrived(arrival)
      },
      failed: (error) => {
        this.#owner.broken(error)
        if (this.#owner.isCurrent(session)) this.#owner.drop('The store failed')
      },
    })
  }

  /** One acknowledgement for all that one transaction has stored. */
  #acknowledge(seq: number, session: Session): void {
    this.#storedSeq = seq
    if (this.#ackPlanned) return
    this.#ackPlanned = true
    queueMicrotask(() => {
      this.#ackPlanned = false
      if (this.#owner.isCurrent(session)) this.#owner.send({ type: 'ack', upTo: this.#storedSeq })
    })
  }

  /** Stores what an envelope brings; nothing for one that is in the store already. */
  async #store(transaction: Transaction, envelope: WireEnvelope): Promise<Arrival> {
    switch (envelope.kind) {
      case Kind.MESSAGE:
      case Kind.DEVICE_EVENT:
        return this.#owner.incoming.store(transaction, envelope)
      case Kind.DELIVERED:
        return this.#storeReceipt(transaction, envelope, 'delivered', [envelope.from.device])
      case Kind.READ:
        return this.#storeReceipt(transaction, envelope, 'read')
      case Kind.PLAYED:
        return this.#storeReceipt(transaction, envelope, 'played')
      case Kind.EXPIRED:
        return this.#storeReceipt(transaction, envelope, 'expired')
      default:
        return new Arrival()
    }
  }

  /** Receipts move messages forward only, so a repeated one changes nothing and needs no mark. */
  async #storeReceipt(
    transaction: Transaction,
    { from, about }: WireEnvelope,
    status: Status,
    devices: readonly number[] = [],
  ): Promise<Arrival> {
    const arrival = new Arrival()
    for (const id of about) {
      if (!isClientId(id)) continue
      const message = await this.#owner.shelf.advance(transaction, from.user, id, status, devices)
      if (message !== undefined) arrival.receipts.push(message)
    }
    return arrival
  }
}
