import type { ArchivedMessage, Content, MessageReference } from '../proto/content.ts'
import type { WireAddress } from '../proto/frames.ts'
import type { Clock } from './clock.ts'
import { bodyOf } from './contents.ts'
import type { DeviceState } from './device-state.ts'
import { addIncoming, addOutgoing, findIncoming, findOutgoing, markSeen, replaceMessage } from './history.ts'
import { findPlace, markNew, markPlace } from './marks.ts'
import type { Body, IncomingMessage, Message, OutgoingMessage } from './message.ts'
import type { Received, SentElsewhere, Shelf } from './shelf.ts'
import type { Transaction } from './store.ts'

/** The history of a person's device: chats, with what came and went in the order in which this device shows it. */
export class HistoryShelf implements Shelf {
  readonly #device: DeviceState
  readonly #clock: Clock

  constructor(device: DeviceState, clock: Clock) {
    this.#device = device
    this.#clock = clock
  }

  async addIncoming(transaction: Transaction, received: Received): Promise<IncomingMessage> {
    const { from, id, sentAt, body, hosted } = received
    const order = this.#device.takeOrder()
    const base = { id, chat: from.user, body, order, sentAt }
    const message: IncomingMessage = { ...base, direction: 'in', device: from.device, read: false, hosted }
    await addIncoming(transaction, message)
    markPlace(transaction, from, id, order, this.#clock.now())
    this.#device.write(transaction)
    return message
  }

  async addSent(
    transaction: Transaction,
    { id, chat, body, sentAt }: SentElsewhere,
  ): Promise<OutgoingMessage | undefined> {
    if ((await findOutgoing(transaction, chat, id)) !== undefined) return undefined
    const order = this.#device.takeOrder()
    const base = { id, chat, body, order, sentAt }
    const message: OutgoingMessage = { ...base, direction: 'out', status: 'accepted', deliveredTo: [] }
    await addOutgoing(transaction, message)
    this.#device.write(transaction)
    return message
  }

  async replace(
    transaction: Transaction,
    from: WireAddress,
    id: string,
    body: Body,
    hosted: boolean,
  ): Promise<Message | undefined> {
    const known = await this.#find(transaction, from, id)
    if (known?.body.type !== 'undecrypted') return undefined
    const message: IncomingMessage = { ...known, body, hosted }
    replaceMessage(transaction, message)
    return message
  }

  async markSeen(transaction: Transaction, read: readonly MessageReference[]): Promise<readonly Message[]> {
    const found: IncomingMessage[] = []
    for (const { user, device, id } of read) {
      const message = await this.#find(transaction, { user, device }, id)
      if (message !== undefined) found.push(message)
    }
    return markSeen(transaction, found)
  }

  async addArchived(transaction: Transaction, archived: ArchivedMessage, content: Content): Promise<boolean> {
    const { chat, user, device, sentAt, read } = archived
    const body = bodyOf(content)
    if (user === this.#device.record.user) {
      return (await this.addSent(transaction, { id: content.id, chat, body, sentAt })) !== undefined
    }
    const from = { user, device }
    if (!(await markNew(transaction, from, content.id, this.#clock.now()))) return false
    const order = this.#device.takeOrder()
    const base = { id: content.id, chat, body, order, sentAt }
    await addIncoming(transaction, { ...base, direction: 'in', device, read, hosted: false })
    markPlace(transaction, from, content.id, order, this.#clock.now())
    this.#device.write(transaction)
    return true
  }

  async #find(transaction: Transaction, from: WireAddress, id: string): Promise<IncomingMessage | undefined> {
    const order = await findPlace(transaction, from, id)
    return order === undefined ? undefined : findIncoming(transaction, from.user, order)
  }
}
