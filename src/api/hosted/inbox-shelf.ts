import { encodeRecord, decodeRecord } from '../../../client/records.ts'
import type { Body, IncomingMessage, Message } from '../../../client/message.ts'
import type { Received, Shelf } from '../../../client/shelf.ts'
import type { Transaction } from '../../../client/store.ts'
import { toMessageId } from '../../shared/ids.ts'
import type { MessageId } from '../../shared/ids.ts'

/** A message that a hosted device has, until it is acknowledged over HTTP. */
export interface InboxMessage {
  readonly messageId: MessageId
  readonly user: number
  readonly device: number
  readonly id: string
  readonly sentAt: number
  readonly body: Body
}

type Stored = Omit<InboxMessage, 'messageId'> & { readonly messageId: string }

const PREFIX = 'inbox/'
/** Where messages belong that could not be read when they came. */
const PLACES = 'inboxPlace/'
const MAX_PLACES = 10_000
/** Senders remember for so long what they have sent. */
const KEEP_PLACES_MS = 35 * 24 * 3600 * 1000

/**
 * What a hosted device can read, oldest first by the server's stamp. It keeps no history: what was acknowledged is gone,
 * and so is what the device itself has sent.
 */
export class InboxShelf implements Shelf {
  async addIncoming(transaction: Transaction, received: Received): Promise<IncomingMessage> {
    const { from, id, sentAt, messageId, body, hosted } = received
    const stored: Stored = { messageId: String(messageId), user: from.user, device: from.device, id, sentAt, body }
    transaction.put(keyOf(stored), encodeRecord(stored))
    // Only what may be replaced later must be found again.
    if (body.type === 'undecrypted') transaction.put(placeOf(from, id), encodeRecord(stored))
    return toIncoming(stored, hosted)
  }

  async addSent(): Promise<undefined> {
    return undefined
  }

  async replace(
    transaction: Transaction,
    from: { readonly user: number; readonly device: number },
    id: string,
    body: Body,
    hosted: boolean,
  ): Promise<Message | undefined> {
    const place = placeOf(from, id)
    const known = decodeRecord<Stored>(await transaction.get(place))?.json
    if (known === undefined) return undefined
    const stored: Stored = { ...known, body }
    transaction.put(keyOf(stored), encodeRecord(stored))
    transaction.delete(place)
    return toIncoming(stored, hosted)
  }

  async markSeen(): Promise<readonly Message[]> {
    return []
  }

  async addArchived(): Promise<boolean> {
    return false
  }
}

/** The oldest messages, up to and including one if it is given. */
export async function readInbox(
  transaction: Transaction,
  limit: number,
  upTo?: MessageId,
): Promise<readonly InboxMessage[]> {
  const records = await transaction.scan({ prefix: PREFIX, limit, ...(upTo && { before: endOf(upTo) }) })
  return records.flatMap(({ value }) => fromRecord(value) ?? [])
}

/**
 * Deletes everything up to and including a message, `limit` at most; returns how many went. What could not be read yet
 * comes again once it can.
 */
export async function deleteInbox(transaction: Transaction, upTo: MessageId, limit: number): Promise<number> {
  const records = await transaction.scan({ prefix: PREFIX, before: endOf(upTo), limit })
  for (const { key } of records) transaction.delete(key)
  return records.length
}

/** Gives up what nobody will send again any more. */
export async function forgetOldPlaces(transaction: Transaction, now: number): Promise<void> {
  for (const { key, value } of await transaction.scan({ prefix: PLACES, limit: MAX_PLACES })) {
    const sentAt = decodeRecord<Stored>(value)?.json.sentAt ?? 0
    if (now - sentAt > KEEP_PLACES_MS) transaction.delete(key)
  }
}

function fromRecord(value: Uint8Array): InboxMessage | undefined {
  const record = decodeRecord<Stored>(value)?.json
  return record === undefined ? undefined : { ...record, messageId: toMessageId(record.messageId) }
}

function toIncoming({ user, device, id, sentAt, body }: Stored, hosted: boolean): IncomingMessage {
  return { direction: 'in', id, chat: user, body, order: 0, sentAt, device, read: false, hosted }
}

function keyOf({ messageId, user, device }: Stored): string {
  return `${PREFIX}${padded(messageId)}/${user}.${device}`
}

/** Above every key of the message. */
function endOf(messageId: bigint): string {
  return `${PREFIX}${padded(messageId)}0`
}

function placeOf({ user, device }: { readonly user: number; readonly device: number }, id: string): string {
  return `${PLACES}${user}.${device}/${id}`
}

function padded(messageId: bigint | string): string {
  return String(messageId).padStart(19, '0')
}
