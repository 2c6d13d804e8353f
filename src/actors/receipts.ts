import type { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, UserId } from '../shared/ids.ts'
import type { MessageStamps } from '../storage/message-stamps.ts'
import type { NotTaken } from './batch.ts'
import type { DeviceList, Directory } from './directory.ts'
import { Route } from './route.ts'
import type { FinalOutcome, RouteListener } from './route.ts'
import type { Router } from './router.ts'

/** A receipt for all devices of a user. */
export interface Receipt {
  readonly kind: Kind
  /** The client id of a receipt that a client sent; empty for the server's own. */
  readonly id: string
  readonly from: Address
  readonly to: UserId
  readonly about: readonly string[]
}

export interface ReceiptListener<Item> {
  /** Whether a receipt may go to so many mailboxes. False: it does not, and nothing more is told. Without it all may. */
  admitsReceipt?(item: Item, mailboxes: number): boolean
  /** Told once, when every device's mailbox has the receipt, or has not taken it. */
  receiptSent(item: Item, notTaken: NotTaken | undefined, receipt: Envelope | undefined): void
}

const NO_PAYLOAD = new Uint8Array(0)

/**
 * Sends receipts. They need no chain: they may be repeated and only move forward, so their order does not matter. One
 * to somebody who no longer exists counts as stored.
 */
export class Receipts {
  readonly #directory: Directory
  readonly #router: Router
  readonly #stamps: MessageStamps
  readonly #retentionMs: number

  constructor(directory: Directory, router: Router, stamps: MessageStamps, retentionMs: number) {
    this.#directory = directory
    this.#router = router
    this.#stamps = stamps
    this.#retentionMs = retentionMs
  }

  send<Item>(receipt: Receipt, listener: ReceiptListener<Item>, item: Item): void {
    const devices = this.#directory.peek(receipt.to)
    if (devices !== undefined) return this.#sendTo(devices, receipt, listener, item)
    this.#directory.find(receipt.to).then(
      (found) => this.#sendTo(found, receipt, listener, item),
      () => listener.receiptSent(item, 'refused', undefined),
    )
  }

  #sendTo<Item>(devices: DeviceList, receipt: Receipt, listener: ReceiptListener<Item>, item: Item): void {
    if (listener.admitsReceipt?.(item, devices.length) === false) return
    const stamp = this.#stamps.next(0n)
    if (stamp === undefined) return listener.receiptSent(item, 'refused', undefined)
    const { kind, id, from, about } = receipt
    const common = { messageId: stamp.messageId, from, kind, id, payload: NO_PAYLOAD, about, urgent: false }
    const expiresAt = stamp.ms + this.#retentionMs
    const envelopes = devices.map(({ device }): Envelope => ({
      ...common,
      to: { user: receipt.to, device },
      sentAt: stamp.ms,
      expiresAt,
    }))
    if (envelopes.length === 0) return listener.receiptSent(item, undefined, undefined)
    const fanOut = new FanOut(envelopes.length, listener, item)
    for (const envelope of envelopes) {
      this.#router.route(new Route(envelope.to, [envelope], undefined, fanOut, this.#router))
    }
  }
}

/** One receipt on its way to the devices of a user. */
class FanOut<Item> implements RouteListener {
  readonly #listener: ReceiptListener<Item>
  readonly #item: Item
  readonly #count: number
  #left: number
  #full = 0
  #refused = false

  constructor(count: number, listener: ReceiptListener<Item>, item: Item) {
    this.#count = count
    this.#left = count
    this.#listener = listener
    this.#item = item
  }

  answered(route: Route, _index: number, outcome: FinalOutcome): void {
    if (outcome === 'refused') this.#refused = true
    if (outcome === 'full') this.#full++
    if (--this.#left > 0) return
    // One for a device that has no room for it is dropped, unless no device has: receipts only move forward.
    const full = this.#full === this.#count ? 'full' : undefined
    this.#listener.receiptSent(this.#item, this.#refused ? 'refused' : full, route.envelopes[0])
  }
}
