import { Kind } from '../proto/frames.ts'
import type { WireEnvelope } from '../proto/frames.ts'
import type { ArchiveBody, Content, ReadSyncBody, SentTranscriptBody } from '../proto/content.ts'
import { isClientId } from '../proto/limits.ts'
import { Arrival } from './arrival.ts'
import { orderOf } from './chat-order.ts'
import { findContent } from './content.ts'
import { bodyOf } from './contents.ts'
import { markNew } from './marks.ts'
import type { Body } from './message.ts'
import type { Shelf } from './shelf.ts'
import type { Opened, Opener } from './secrecy/opener.ts'
import type { Peer } from './secrecy/peer.ts'
import type { Retries } from './secrecy/retries.ts'
import type { Secrets } from './secrecy/secrets.ts'
import { readHint } from './secrecy/hint.ts'
import { isRetryReceipt } from './secrecy/retries.ts'
import { takeTrustSync } from './secrecy/trust-sync.ts'
import type { Units } from './secrecy/units.ts'
import type { Transaction } from './store.ts'
import type { Later } from './later.ts'

export interface IncomingParts {
  readonly secrets: Secrets
  readonly opener: Opener
  readonly retries: Retries
  readonly units: Units
  readonly later: Later
  readonly shelf: Shelf
}

/** The only device that a user's history comes from. */
const PRIMARY = 1
const NOT_TOLD = { order: 0, sentAt: 0, deliveredTo: [] }
/** Names the server in what it sends itself. */
const SERVER_DEVICE = 0

/**
 * Turns what devices send into what this one stores: all of it in the transaction that is given, so that it happens
 * once. What stands inside a message decides; its envelope is carriage.
 */
export class Incoming {
  readonly #parts: IncomingParts

  constructor(parts: IncomingParts) {
    this.#parts = parts
  }

  /** A MESSAGE or DEVICE_EVENT that was delivered. */
  async store(transaction: Transaction, envelope: WireEnvelope): Promise<Arrival> {
    const { secrets, later } = this.#parts
    const { from, id } = envelope
    const arrival = new Arrival()
    if (from.device === SERVER_DEVICE) return this.#hear(envelope, arrival)
    if (!isClientId(id) || !(await markNew(transaction, from, id, secrets.clock.now()))) return arrival
    if (later.has(from)) later.put(transaction, envelope, secrets.clock.now(), arrival)
    else await this.#take(transaction, envelope, arrival)
    return arrival
  }

  /** Envelopes of the user that waited for its device list: as many as can be opened now, in their order. */
  async storeLater(transaction: Transaction, user: number): Promise<Arrival> {
    const { later } = this.#parts
    const arrival = new Arrival()
    for (const { key, envelope } of await later.read(transaction, user)) {
      const left = await this.#take(transaction, envelope, arrival, false)
      if (left) later.keep(envelope.from)
      else later.delete(transaction, key, envelope.from)
    }
    return arrival
  }

  #hear({ from, payload }: WireEnvelope, arrival: Arrival): Arrival {
    const hint = from.user === this.#parts.secrets.self.current.address.user ? readHint(payload) : undefined
    if (hint !== undefined) arrival.hints.push(hint)
    return arrival
  }

  /** Returns whether it must wait. */
  async #take(transaction: Transaction, envelope: WireEnvelope, arrival: Arrival, mayWait = true): Promise<boolean> {
    const { secrets, opener, retries, later } = this.#parts
    const { from, payload } = envelope
    if (later.isKept(from)) return true
    if (isRetryReceipt(payload)) {
      await retries.answer(transaction, from, payload, arrival)
      return false
    }
    const opened = await opener.open(transaction, from, payload)
    if (opened.type !== 'unlisted') {
      await this.#settle(transaction, envelope, opened, arrival)
      return false
    }
    if (mayWait) later.put(transaction, envelope, secrets.clock.now(), arrival)
    return true
  }

  async #settle(
    transaction: Transaction,
    envelope: WireEnvelope,
    opened: Exclude<Opened, { type: 'unlisted' }>,
    arrival: Arrival,
  ): Promise<void> {
    const { retries, units } = this.#parts
    const { from, kind, id } = envelope
    switch (opened.type) {
      case 'content':
        for (const user of opened.forked) arrival.forked.add(user)
        if (opened.acknowledge) units.sendTo(transaction, from, { type: 'sessionAck' }, arrival)
        return this.#act(transaction, envelope, opened.content, opened.peer, arrival)
      case 'unreadable':
        if (kind === Kind.MESSAGE) await this.#show(transaction, envelope, { type: 'unreadable' }, opened.peer, arrival)
        return undefined
      case 'lost':
        if (kind === Kind.MESSAGE) await this.#show(transaction, envelope, { type: 'undecrypted' }, undefined, arrival)
        return retries.ask(transaction, from, id, opened.ratchetKey, arrival)
      case 'repeated':
      case 'refused':
        return undefined
      default:
        return opened satisfies never
    }
  }

  async #act(
    transaction: Transaction,
    envelope: WireEnvelope,
    content: Content,
    peer: Peer,
    arrival: Arrival,
  ): Promise<void> {
    const { user } = this.#parts.secrets.self.current.address
    const { from } = envelope
    const isOwn = from.user === user
    const { body } = content
    switch (body.type) {
      case 'sessionAck':
      case 'null':
        return undefined
      case 'sentTranscript':
        return isOwn ? this.#storeSent(transaction, envelope, body, arrival) : undefined
      case 'readSync':
        return isOwn ? this.#storeRead(transaction, body, arrival) : undefined
      case 'trustSync':
        return isOwn && body.user !== user ? takeTrustSync(transaction, body, arrival) : undefined
      case 'archive':
        return isOwn && from.device === PRIMARY ? this.#storeArchive(transaction, body, arrival) : undefined
      case 'resend':
        return this.#storeAgain(transaction, envelope, body.content, peer, arrival)
      default: {
        const { chat } = content
        const fits = sameId(content.id, envelope.id) && chat.type === 'user' && chat.user === user
        if (fits && isOwn) return this.#shelve(transaction, envelope, content, NOT_TOLD, arrival)
        return this.#show(transaction, envelope, fits ? bodyOf(content) : { type: 'unreadable' }, peer, arrival)
      }
    }
  }

  async #show(
    transaction: Transaction,
    { from, id, sentAt, messageId }: WireEnvelope,
    body: Body,
    peer: Peer | undefined,
    arrival: Arrival,
  ): Promise<void> {
    if (from.user === this.#parts.secrets.self.current.address.user) return
    const hosted = peer !== undefined && isHosted(peer, from.device)
    const message = await this.#parts.shelf.addIncoming(transaction, { from, id, sentAt, messageId, body, hosted })
    arrival.messages.push(message)
  }

  /** What another device of the user has sent. */
  async #storeSent(
    transaction: Transaction,
    envelope: WireEnvelope,
    transcript: SentTranscriptBody,
    arrival: Arrival,
  ): Promise<void> {
    const content = findContent(transcript.content)
    if (content !== undefined) await this.#shelve(transaction, envelope, content, transcript, arrival)
  }

  /** @param told - what the device that sent it knows of its acceptance; else the envelope around it is near enough */
  async #shelve(
    transaction: Transaction,
    { from, sentAt, messageId }: WireEnvelope,
    content: Content,
    told: Omit<SentTranscriptBody, 'type' | 'content'>,
    arrival: Arrival,
  ): Promise<void> {
    if (content.chat.type !== 'user') return
    const { deliveredTo } = told
    const message = await this.#parts.shelf.addSent(transaction, {
      id: content.id,
      chat: content.chat.user,
      device: from.device,
      body: bodyOf(content),
      order: told.order || orderOf(messageId),
      sentAt: told.sentAt || sentAt,
      status: deliveredTo.length > 0 ? 'delivered' : 'accepted',
      deliveredTo,
    })
    if (message !== undefined) arrival.sent.push(message)
  }

  async #storeRead(transaction: Transaction, { read }: ReadSyncBody, arrival: Arrival): Promise<void> {
    arrival.changed.push(...(await this.#parts.shelf.markSeen(transaction, read)))
  }

  async #storeArchive(transaction: Transaction, { messages, last }: ArchiveBody, arrival: Arrival): Promise<void> {
    for (const archived of messages) {
      const content = findContent(archived.content)
      if (content === undefined) continue
      arrival.archived += (await this.#parts.shelf.addArchived(transaction, archived, content)) ? 1 : 0
    }
    if (last) arrival.archiveEnded = true
  }

  /** A message that could not be opened when it came. */
  async #storeAgain(
    transaction: Transaction,
    envelope: WireEnvelope,
    bytes: Uint8Array,
    peer: Peer,
    arrival: Arrival,
  ): Promise<void> {
    const { shelf, secrets } = this.#parts
    const { from } = envelope
    const content = findContent(bytes)
    if (content === undefined) return undefined
    const { body, chat, id } = content
    if (body.type === 'sentTranscript') {
      const isOwn = from.user === secrets.self.current.address.user
      return isOwn ? this.#storeSent(transaction, envelope, body, arrival) : undefined
    }
    if (chat.type !== 'user' || chat.user !== secrets.self.current.address.user) return undefined
    const changed = await shelf.replace(transaction, from, id, bodyOf(content), isHosted(peer, from.device))
    if (changed !== undefined) arrival.changed.push(changed)
    else if (await markNew(transaction, from, id, secrets.clock.now()))
      await this.#show(transaction, { ...envelope, id }, bodyOf(content), peer, arrival)
    return undefined
  }
}

function isHosted({ facts, devices }: Peer, device: number): boolean {
  return facts.hosted || devices.get(device)?.cert.hosted === true
}

function sameId(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
