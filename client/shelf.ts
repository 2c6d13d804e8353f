import type { ArchivedMessage, Content, MessageReference } from '../proto/content.ts'
import type { WireAddress } from '../proto/frames.ts'
import type { Body, IncomingMessage, Message, OutgoingMessage } from './message.ts'
import type { Status } from './receipts.ts'
import type { Transaction } from './store.ts'

/** A message that another user's device sent. */
export interface Received {
  readonly from: WireAddress
  readonly id: string
  readonly sentAt: number
  readonly messageId: bigint
  readonly body: Body
  readonly hosted: boolean
}

/** A message that another device of this user sent. */
export interface SentElsewhere {
  readonly id: string
  readonly chat: number
  /** Which of them. */
  readonly device: number
  readonly body: Body
  readonly order: number
  readonly sentAt: number
  readonly status: Status
  readonly deliveredTo: readonly number[]
}

/** Where a device keeps what it can read. All of it happens in the transaction that is given. */
export interface Shelf {
  addIncoming(transaction: Transaction, received: Received): Promise<IncomingMessage>
  /** undefined: it is there already. */
  addSent(transaction: Transaction, sent: SentElsewhere): Promise<OutgoingMessage | undefined>
  /** Puts what a message says in the place of the note that it could not be read; undefined: there is no such note. */
  replace(
    transaction: Transaction,
    from: WireAddress,
    id: string,
    body: Body,
    hosted: boolean,
  ): Promise<Message | undefined>
  /** Returns those that were not seen before; what has not come yet is seen when it comes. */
  markSeen(transaction: Transaction, read: readonly MessageReference[]): Promise<readonly Message[]>
  /** false: it is there already. */
  addArchived(transaction: Transaction, archived: ArchivedMessage, content: Content): Promise<boolean>
}
