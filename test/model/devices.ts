import { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import { parseDeviceId, parseUserId, toMessageId } from '../../src/shared/ids.ts'
import type { Address, MessageId, UserId } from '../../src/shared/ids.ts'

/** Device 0 is the sender's only one; the others are the devices of the recipient, by their device number. */
export const SENDER = 0

const SENDER_USER = 1
const RECIPIENT_USER = 2
const OTHER_USER = 3
const NO_BYTES = new Uint8Array(0)
const BIG = new Uint8Array(300)
const FILLING = new Uint8Array(100_000)
/** A span of ms. */
const FOR_EVER = 4_000_000_000_000
const ADDRESSES = [makeAddress(SENDER_USER, 1), makeAddress(RECIPIENT_USER, 1), makeAddress(RECIPIENT_USER, 2)]
const OTHER = makeAddress(OTHER_USER, 1)

/** All who send to anybody. */
export const USERS: readonly UserId[] = [addressOf(SENDER).user, addressOf(1).user, OTHER.user]

/** What an envelope of the walk takes in the journal's buffer, without payload. */
export const SMALL_BYTES = 200

export function addressOf(device: number): Address {
  return ADDRESSES[device]!
}

/** -1: none that the walk looks at. */
export function deviceIndex(address: Address): number {
  if (address.user === SENDER_USER) return SENDER
  return address.user === RECIPIENT_USER ? address.device : -1
}

/** A message: each third one is big. */
export function makeMessage(id: MessageId, to: number, number: number, sentAt: number, expiresAt: number): Envelope {
  return {
    messageId: id,
    from: addressOf(SENDER),
    to: addressOf(to),
    kind: Kind.MESSAGE,
    id: String(number),
    payload: number % 3 === 1 ? BIG : NO_BYTES,
    about: [],
    urgent: false,
    sentAt,
    expiresAt,
  }
}

export function makeReceipt(id: MessageId, from: number, about: readonly string[], expired: boolean): Envelope {
  return {
    messageId: id,
    from: addressOf(from),
    to: addressOf(SENDER),
    kind: expired ? Kind.EXPIRED : Kind.DELIVERED,
    id: 'receipt',
    payload: NO_BYTES,
    about,
    urgent: false,
    sentAt: 0,
    expiresAt: FOR_EVER,
  }
}

/** From somebody else; it needs no receipt. */
export function makeOther(id: MessageId, to: number): Envelope {
  return { ...makeReceipt(id, SENDER, [], false), from: OTHER, to: addressOf(to), kind: Kind.DEVICE_EVENT, id: '' }
}

/** Somebody else's, of so many bytes in the buffer. */
export function makeFiller(bytes: number): Envelope {
  return {
    ...makeReceipt(toMessageId(0n), SENDER, [], false),
    to: OTHER,
    kind: Kind.MESSAGE,
    payload: FILLING.subarray(0, bytes - SMALL_BYTES),
  }
}

/** Short, for traces. */
export function describe(envelope: Envelope): string {
  if (envelope.kind === Kind.MESSAGE) return `m${envelope.id}#${envelope.messageId}>${envelope.to.device}`
  if (envelope.kind === Kind.DEVICE_EVENT) return 'other'
  const word = envelope.kind === Kind.EXPIRED ? 'expired' : 'delivered'
  return `${word}(${envelope.about.join(',')})`
}

function makeAddress(user: number, device: number): Address {
  return { user: parseUserId(user)!, device: parseDeviceId(device)! }
}
