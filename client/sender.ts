import type { Content } from '../proto/content.ts'
import { Kind } from '../proto/frames.ts'
import type { AcceptedFrame, ErrorFrame, SendFrame } from '../proto/frames.ts'
import { Arrival } from './arrival.ts'
import { orderOf, orderOfWaiting } from './chat-order.ts'
import { newClientId } from './client-id.ts'
import type { Clock } from './clock.ts'
import { decodeContent, encodeContent } from './content.ts'
import { contentAgain } from './contents.ts'
import { MAX_PLAINTEXT_BYTES } from './crypto/seal.ts'
import type { DeviceState } from './device-state.ts'
import { ParleyError } from './errors.ts'
import { addOutgoing, advanceOutgoing, findOutgoing, markSeen, restartOutgoing } from './history.ts'
import type { OutgoingNews } from './history.ts'
import { inLedger } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import type { IncomingMessage, OutgoingMessage } from './message.ts'
import type { Outbox, Sendable } from './outbox.ts'
import type { OutboxEntry } from './outbox-entry.ts'
import { ReadReports } from './read-reports.ts'
import { decodeOutboxEntry, keys, prefixes } from './records.ts'
import type { Sealing } from './sealing.ts'
import { hasOtherDevices, readPeer } from './secrecy/peer.ts'
import type { BlockedReason } from './secrecy/sealer.ts'
import type { SelfHolder } from './secrecy/secrets.ts'
import type { Units } from './secrecy/units.ts'
import type { Transaction } from './store.ts'

/** What the device lists take in a message, and a transcript around it. */
const ROOM_BYTES = 256
/** Entries of a conversation that are encrypted in one transaction. */
const SEAL_BATCH = 64
/** Messages that one note of what was read names. */
const SYNC_BATCH = 1_000

export interface SenderOwner {
  readonly ledger: Ledger
  readonly device: DeviceState
  readonly clock: Clock
  readonly self: SelfHolder
  isOnline(): boolean
  send(frame: SendFrame): void
  /** An outgoing message has moved. `answered`: the server has accepted it, or never will. */
  changed(message: OutgoingMessage, answered: boolean): void
  /** What is for the user waits for this user's decision. */
  blocked(user: number, reason: BlockedReason): void
  /** What is for the user waits because their mailbox is full, or does no more. */
  mailboxFull(user: number, full: boolean): void
  /** The store failed. */
  broken(error: unknown): void
}

/** The sending side: stores, encrypts, sends until accepted, records how far each message has come. */
export class Sender {
  readonly #owner: SenderOwner
  readonly #outbox: Outbox
  readonly #sealing: Sealing
  readonly #units: Units
  readonly #reports: ReadReports
  #unstoredEntries = 0
  #unstoredBytes = 0
  #cancelResume: () => void = () => {}

  constructor(owner: SenderOwner, outbox: Outbox, sealing: Sealing, units: Units) {
    this.#owner = owner
    this.#outbox = outbox
    this.#sealing = sealing
    this.#units = units
    this.#reports = new ReadReports(owner.device)
  }

  /** Takes up what an earlier run of the client left unaccepted. */
  async load(transaction: Transaction): Promise<void> {
    const records = await transaction.scan({ prefix: prefixes.outbox, limit: 1_000_000 })
    for (const { key, value } of records) {
      const entry = decodeOutboxEntry(value)
      if (entry === undefined) transaction.delete(key)
      else this.#outbox.add(entry)
    }
    await this.#reports.load(transaction)
    this.#report()
  }

  /**
   * Stores a message and sends it as soon as it is stored, encrypted, and the order allows.
   *
   * @param order - its place among all that goes out
   * @throws {ParleyError} TOO_LARGE, or OUTBOX_FULL while too much waits to be accepted
   */
  sendMessage(message: OutgoingMessage, written: Content, order: number): void {
    const content = encodeContent(written)
    if (content.length > MAX_PLAINTEXT_BYTES - ROOM_BYTES) throw new ParleyError('TOO_LARGE', 'The message is too long')
    if (!this.#outbox.hasRoom(this.#unstoredBytes + content.length, this.#unstoredEntries + 1)) {
      throw outboxFull()
    }
    this.#unstoredEntries += 1
    this.#unstoredBytes += content.length
    const settle = (): void => {
      this.#unstoredEntries -= 1
      this.#unstoredBytes -= content.length
    }
    this.#owner.ledger.record({
      apply: async (transaction) => {
        await addOutgoing(transaction, message)
        return this.#store(transaction, message, content, order)
      },
      done: (entry) => {
        settle()
        this.add([entry])
      },
      failed: (error) => {
        settle()
        this.#owner.broken(error)
        this.#owner.changed({ ...message, status: 'failed', error: 'STORE_FAILED' }, true)
      },
    })
  }

  /**
   * Sends a message again that has failed or expired, under its own id: a device that has it already drops it.
   *
   * @throws {ParleyError} UNKNOWN_MESSAGE, NOT_FAILED, or OUTBOX_FULL while too much waits to be accepted
   */
  async sendAgain({ chat, id }: Pick<OutgoingMessage, 'chat' | 'id'>): Promise<OutgoingMessage> {
    const begun = await inLedger(this.#owner.ledger, async (transaction) => {
      const message = await findOutgoing(transaction, chat, id)
      if (message === undefined) return new ParleyError('UNKNOWN_MESSAGE', 'There is no such message')
      const written = contentAgain(message)
      const isOver = message.status === 'failed' || message.status === 'expired'
      // What another own device has sent that one sends again: under another device's name it would be another message.
      const isOwn =
        (message.device ?? this.#owner.self.current.address.device) === this.#owner.self.current.address.device
      if (!isOver || !isOwn || written === undefined || this.isUnanswered(id))
        return new ParleyError('NOT_FAILED', 'Only a message of this device that failed or expired can be sent again')
      const content = encodeContent(written)
      if (!this.#outbox.hasRoom(content.length, 1)) return outboxFull()
      const order = this.#owner.device.takeOrder()
      const waiting = await restartOutgoing(transaction, message, orderOfWaiting(order))
      return { waiting, entry: await this.#store(transaction, waiting, content, order) }
    })
    if (begun instanceof ParleyError) throw begun
    this.#owner.changed(begun.waiting, false)
    this.add([begun.entry])
    return begun.waiting
  }

  /** Stores that a message goes out. */
  #store(
    transaction: Transaction,
    { id, chat: to }: OutgoingMessage,
    content: Uint8Array,
    order: number,
  ): Promise<OutboxEntry> {
    this.#owner.device.write(transaction)
    const entry = { id, order, to, kind: Kind.MESSAGE, content, about: [], copies: [], sealed: false }
    return this.#sealing.tryNow(transaction, entry)
  }

  /**
   * Tells the user's other devices of a message that was accepted: what it says, where it stands, and who has it. Returns
   * what goes out for it.
   */
  async #tellSent(
    transaction: Transaction,
    { kind, to, content }: OutboxEntry,
    { order, sentAt, deliveredTo }: OutgoingMessage,
  ): Promise<readonly OutboxEntry[]> {
    const { user } = this.#owner.self.current.address
    if (kind !== Kind.MESSAGE || to === user || !(await this.#hasOtherDevices(transaction))) return []
    const { chat, sentAtMs } = decodeContent(content)
    const id = newClientId()
    const body = { type: 'sentTranscript' as const, content, order, sentAt, deliveredTo }
    const transcript = encodeContent({ id, sentAtMs, chat, body })
    const place = this.#owner.device.takeOrder()
    this.#owner.device.write(transaction)
    const base = { id, order: place, to: user, kind: Kind.MESSAGE, content: transcript, about: [] }
    return [await this.#sealing.tryNow(transaction, { ...base, copies: [], sealed: false })]
  }

  async #hasOtherDevices(transaction: Transaction): Promise<boolean> {
    return hasOtherDevices(await readPeer(transaction, this.#owner.self.current.address.user))
  }

  /** Sends entries that are in the store. */
  add(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) this.#outbox.add(entry)
    this.#pump()
  }

  /** What waited for the user's decision, or for a newer list, goes on. */
  resume(user: number): void {
    this.#outbox.resume(user)
    this.#pump()
  }

  /**
   * Notes that messages were seen, and tells the user's other devices.
   *
   * @param report - whether their authors shall know
   */
  markRead(messages: readonly IncomingMessage[], report: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#owner.ledger.record({
        apply: async (transaction) => {
          const seen = await markSeen(transaction, messages)
          if (report) this.#reports.write(transaction, seen)
          const arrival = new Arrival()
          if (seen.length > 0 && (await this.#hasOtherDevices(transaction))) this.#tellSeen(transaction, seen, arrival)
          return { seen, entries: arrival.entries }
        },
        done: ({ seen, entries }) => {
          if (report) this.#reports.add(seen)
          this.#report()
          this.add(entries)
          resolve()
        },
        failed: reject,
      })
    })
  }

  #tellSeen(transaction: Transaction, seen: readonly IncomingMessage[], arrival: Arrival): void {
    const { user } = this.#owner.self.current.address
    for (let i = 0; i < seen.length; i += SYNC_BATCH) {
      const batch = seen.slice(i, i + SYNC_BATCH)
      const read = batch.map(({ chat, device, id }) => ({ user: chat, device, id }))
      this.#units.sendToAll(transaction, user, { type: 'readSync', read }, arrival)
    }
  }

  /** A new session: all that has no answer is sent again. */
  connected(): void {
    this.#outbox.restart()
    this.#pump()
  }

  accepted({ id, messageId, at, delivered }: AcceptedFrame): void {
    const to = this.#outbox.find(id)?.to
    const wasFull = to !== undefined && this.#outbox.isFull(to)
    const entry = this.#outbox.accepted(id)
    if (wasFull) this.#owner.mailboxFull(to, false)
    const status = delivered.length > 0 ? 'delivered' : 'accepted'
    this.#finish(entry, { status, devices: delivered, at, order: orderOf(messageId) }, (transaction) =>
      this.#owner.device.writeAccepted(transaction, messageId),
    )
    this.#pump()
  }

  refused(error: ErrorFrame): void {
    const entry = this.#outbox.find(error.id)
    if (entry === undefined) return
    const difference = error.code === 'DEVICES_CHANGED' ? error.details?.devices : undefined
    if (difference !== undefined) {
      this.#sealing.outdated(entry.to)
      // To leave a copy out can only withhold; that there is one more device is for the signed list to say.
      if (difference.extra.length > 0) this.#outbox.except(entry.to, difference.extra)
    }
    const wasFull = this.#outbox.isFull(entry.to)
    const failed = this.#outbox.refused(error.id, error, this.#owner.clock.monotonic())
    if (!wasFull && this.#outbox.isFull(entry.to)) this.#owner.mailboxFull(entry.to, true)
    if (failed !== undefined) this.#finish(failed, { status: 'failed', error: error.code }, () => {})
    this.#pump()
  }

  isMailboxFull(user: number): boolean {
    return this.#outbox.isFull(user)
  }

  /** It is still on its way to the server. */
  isUnanswered(id: string): boolean {
    return this.#outbox.find(id) !== undefined
  }

  oldestUnansweredAt(): number | undefined {
    return this.#outbox.oldestUnansweredAt()
  }

  unansweredBytes(): number {
    return this.#outbox.unansweredBytes
  }

  close(): void {
    this.#cancelResume()
  }

  #report(): void {
    for (const entry of this.#reports.take()) this.#outbox.add(entry)
    this.#pump()
  }

  /** Takes an entry out of the stored outbox and notes its end in the history. */
  #finish(entry: OutboxEntry | undefined, news: OutgoingNews, also: (transaction: Transaction) => void): void {
    if (entry?.kind === Kind.READ) {
      this.#reports.finished(entry.to)
      this.#report()
    }
    this.#owner.ledger.record({
      apply: async (transaction) => {
        also(transaction)
        if (entry?.kind === Kind.READ) this.#reports.finish(transaction, entry)
        if (entry === undefined || entry.kind === Kind.READ) return { message: undefined, told: [] }
        transaction.delete(keys.outbox(entry.order))
        const message = await advanceOutgoing(transaction, entry.to, entry.id, news)
        const isSent = message !== undefined && news.order !== undefined
        return { message, told: isSent ? await this.#tellSent(transaction, entry, message) : [] }
      },
      done: ({ message, told }) => {
        if (message !== undefined) this.#owner.changed(message, entry !== undefined)
        if (told.length > 0) this.add(told)
      },
      // The entry stays in the store: it is sent again after the next start, which the recipient does not notice.
      failed: (error) => this.#owner.broken(error),
    })
  }

  #pump(): void {
    if (!this.#owner.isOnline()) return
    const now = this.#owner.clock.monotonic()
    for (const entries of this.#outbox.takeUnsealed(now, SEAL_BATCH)) void this.#seal(entries)
    for (const sendable of this.#outbox.take(now)) this.#owner.send(frameOf(sendable))
    this.#cancelResume()
    const resumeAt = this.#outbox.nextResumeAt()
    if (resumeAt !== undefined) {
      this.#cancelResume = this.#owner.clock.setTimer(() => this.#pump(), Math.max(0, resumeAt - now))
    }
  }

  /** Encrypts entries to one user, as far as that is possible now. */
  async #seal(entries: readonly OutboxEntry[]): Promise<void> {
    const to = entries[0]?.to as number
    const { sealed, nobody, rest } = await this.#sealing.seal(to, entries)
    this.#outbox.sealed(to, sealed)
    for (const entry of nobody) this.#end(entry, this.#newsOf(entry))
    if (rest?.type === 'later') this.#outbox.putOff(to, rest.retryAfterMs, this.#owner.clock.monotonic())
    else if (rest?.type === 'blocked') {
      this.#outbox.suspend(to)
      this.#owner.blocked(to, rest.code)
    } else if (rest?.type === 'failed') {
      const done = new Set([...sealed, ...nobody].map(({ id }) => id))
      for (const entry of entries) if (!done.has(entry.id)) this.#end(entry, { status: 'failed', error: rest.code })
    }
    this.#pump()
  }

  /** What becomes of an entry that there is no device for: one's own notes have arrived, a message to others has not. */
  #newsOf({ to }: OutboxEntry): OutgoingNews {
    const isOwn = to === this.#owner.self.current.address.user
    return isOwn ? { status: 'accepted' } : { status: 'failed', error: 'NO_KEYS' }
  }

  #end(entry: OutboxEntry, news: OutgoingNews): void {
    this.#outbox.remove(entry.id)
    this.#finish(entry, news, () => {})
  }
}

function outboxFull(): ParleyError {
  return new ParleyError('OUTBOX_FULL', 'Too many messages wait to be sent')
}

function frameOf({ entry, first }: Sendable): SendFrame {
  const { id, to, kind, about, copies } = entry
  return { type: 'send', id, to, kind, copies, about, urgent: kind === Kind.MESSAGE, ttl: 0, first }
}
