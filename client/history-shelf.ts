import type { ArchivedMessage, Content, MessageReference } from '../proto/content.ts'
import type { WireAddress } from '../proto/frames.ts'
import { orderAt, orderOf } from './chat-order.ts'
import type { Clock } from './clock.ts'
import { bodyOf } from './contents.ts'
import type { DeviceState } from './device-state.ts'
import { EarlyNews } from './early-news.ts'
import {
  addIncoming,
  addOutgoing,
  advanceOutgoing,
  findIncoming,
  findOutgoing,
  markSeen,
  replaceMessage,
} from './history.ts'
import { findPlace, markNew, markPlace } from './marks.ts'
import type { Body, IncomingMessage, Message, OutgoingMessage } from './message.ts'
import { advance, statusAt } from './receipts.ts'
import type { Status } from './receipts.ts'
import { hasOtherDevices, readPeer } from './secrecy/peer.ts'
import type { Received, SentElsewhere, Shelf } from './shelf.ts'
import type { Transaction } from './store.ts'

/** The history of a person's device: chats, with what came and went in the order in which every device shows it. */
export class HistoryShelf implements Shelf {
  readonly #device: DeviceState
  readonly #clock: Clock
  readonly #early = new EarlyNews()

  constructor(device: DeviceState, clock: Clock) {
    this.#device = device
    this.#clock = clock
  }

  /** Takes up what an earlier run left. */
  load(transaction: Transaction): Promise<void> {
    return this.#early.load(transaction)
  }

  /** Gives up waiting for messages that cannot come any more. */
  forgetOld(transaction: Transaction): Promise<void> {
    return this.#early.forgetOld(transaction, this.#clock.now())
  }

  async addIncoming(transaction: Transaction, received: Received): Promise<IncomingMessage> {
    const { from, id, sentAt, messageId, body, hosted } = received
    const base = { id, chat: from.user, body, order: orderOf(messageId), sentAt }
    return this.#addIncoming(transaction, { ...base, direction: 'in', device: from.device, read: false, hosted })
  }

  async addSent(transaction: Transaction, sent: SentElsewhere): Promise<OutgoingMessage | undefined> {
    const { chat, id } = sent
    if ((await findOutgoing(transaction, chat, id)) !== undefined) return undefined
    const early = await this.#early.take(transaction, chat, outgoingName(id))
    return addOutgoing(transaction, {
      ...sent,
      direction: 'out',
      status: advance(sent.status, early?.status ?? 'waiting'),
      deliveredTo: [...new Set([...sent.deliveredTo, ...(early?.devices ?? [])])],
    })
  }

  /** A receipt for a message of this user: moves it forward; undefined: nothing to see yet. */
  async advance(
    transaction: Transaction,
    chat: number,
    id: string,
    status: Status,
    devices: readonly number[],
  ): Promise<OutgoingMessage | undefined> {
    if ((await findOutgoing(transaction, chat, id)) !== undefined)
      return advanceOutgoing(transaction, chat, id, { status, devices })
    // Another device of the user has sent it, and has yet to say so.
    if (!hasOtherDevices(await readPeer(transaction, this.#device.record.user))) return undefined
    await this.#early.put(transaction, chat, outgoingName(id), { status, devices }, this.#clock.now())
    return undefined
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
      else await this.#early.put(transaction, user, incomingName(device, id), { read: true }, this.#clock.now())
    }
    return markSeen(transaction, found)
  }

  async addArchived(transaction: Transaction, archived: ArchivedMessage, content: Content): Promise<boolean> {
    const { chat, user, device, sentAt, read, deliveredTo } = archived
    const base = { id: content.id, chat, device, body: bodyOf(content), sentAt }
    const order = archived.order === 0 ? orderAt(sentAt) : archived.order
    if (user === this.#device.record.user) {
      const sent = { ...base, order, status: statusAt(archived.status), deliveredTo }
      return (await this.addSent(transaction, sent)) !== undefined
    }
    if (!(await markNew(transaction, { user, device }, content.id, this.#clock.now()))) return false
    await this.#addIncoming(transaction, { ...base, order, direction: 'in', read, hosted: false })
    return true
  }

  async #addIncoming(transaction: Transaction, message: IncomingMessage): Promise<IncomingMessage> {
    const { chat, device, id } = message
    const early = await this.#early.take(transaction, chat, incomingName(device, id))
    const added = await addIncoming(transaction, { ...message, read: message.read || early?.read === true })
    markPlace(transaction, { user: chat, device }, id, added.order, this.#clock.now())
    return added
  }

  async #find(transaction: Transaction, from: WireAddress, id: string): Promise<IncomingMessage | undefined> {
    const order = await findPlace(transaction, from, id)
    return order === undefined ? undefined : findIncoming(transaction, from.user, order)
  }
}

function incomingName(device: number, id: string): string {
  return `in/${device}/${id}`
}

function outgoingName(id: string): string {
  return `out/${id}`
}
