import { Kind } from '../proto/frames.ts'
import type { AcceptedFrame, ErrorFrame, SendFrame } from '../proto/frames.ts'
import { MAX_PAYLOAD_BYTES } from '../proto/limits.ts'
import type { Clock } from './clock.ts'
import type { DeviceState } from './device-state.ts'
import { ParleyError } from './errors.ts'
import { addOutgoing, advanceOutgoing, markSeen } from './history.ts'
import type { News } from './history.ts'
import type { Ledger } from './ledger.ts'
import type { IncomingMessage, OutgoingMessage } from './message.ts'
import type { Outbox, OutboxEntry, Sendable } from './outbox.ts'
import type { Peers } from './peers.ts'
import { ReadReports } from './read-reports.ts'
import { decodeOutboxEntry, encodeOutboxEntry, keys, prefixes } from './records.ts'
import type { Transaction } from './store.ts'

/** An answer that is later than this will not come any more in this session. */
const ANSWER_TIMEOUT_MS = 60_000

export interface SenderOwner {
  readonly ledger: Ledger
  readonly device: DeviceState
  readonly clock: Clock
  isOnline(): boolean
  send(frame: SendFrame): void
  /** An outgoing message has moved. `answered`: the server has accepted it, or never will. */
  changed(message: OutgoingMessage, answered: boolean): void
  /** The store failed. */
  broken(error: unknown): void
}

/** The sending side: stores, sends until accepted, records how far each message has come. */
export class Sender {
  readonly #owner: SenderOwner
  readonly #outbox: Outbox
  readonly #peers: Peers
  readonly #reports: ReadReports
  #unstoredEntries = 0
  #unstoredBytes = 0
  #cancelResume: () => void = () => {}

  constructor(owner: SenderOwner, outbox: Outbox, peers: Peers) {
    this.#owner = owner
    this.#outbox = outbox
    this.#peers = peers
    this.#reports = new ReadReports(owner.device)
  }

  /** Takes up what an earlier run of the client left unaccepted. */
  async load(transaction: Transaction): Promise<void> {
    const records = await transaction.scan({ prefix: prefixes.outbox, limit: 1_000_000 })
    for (const { key, value } of records) {
      const entry = decodeOutboxEntry(value)
      if (entry === undefined) transaction.delete(key)
      else {
        await this.#peers.load(transaction, entry.to)
        this.#outbox.add(entry)
      }
    }
    await this.#reports.load(transaction)
    this.#report()
  }

  /**
   * Stores a message and sends it as soon as it is stored and the order allows.
   *
   * @throws {ParleyError} TOO_LARGE, or OUTBOX_FULL while too much waits to be accepted
   */
  sendMessage(message: OutgoingMessage, content: Uint8Array): void {
    if (content.length > MAX_PAYLOAD_BYTES) throw new ParleyError('TOO_LARGE', 'The message is too long')
    if (!this.#outbox.hasRoom(this.#unstoredBytes + content.length, this.#unstoredEntries + 1)) {
      throw new ParleyError('OUTBOX_FULL', 'Too many messages wait to be sent')
    }
    this.#unstoredEntries += 1
    this.#unstoredBytes += content.length
    const settle = (): void => {
      this.#unstoredEntries -= 1
      this.#unstoredBytes -= content.length
    }
    const { id, chat: to, order } = message
    const entry: OutboxEntry = { id, order, to, kind: Kind.MESSAGE, content, about: [] }
    this.#owner.ledger.record({
      apply: async (transaction) => {
        await addOutgoing(transaction, message)
        transaction.put(keys.outbox(order), encodeOutboxEntry(entry))
        this.#owner.device.write(transaction)
        await this.#peers.load(transaction, to)
      },
      done: () => {
        settle()
        this.#outbox.add(entry)
        this.#pump()
      },
      failed: (error) => {
        settle()
        this.#owner.broken(error)
        this.#owner.changed({ ...message, status: 'failed', error: 'STORE_FAILED' }, true)
      },
    })
  }

  /**
   * Notes that messages were seen.
   *
   * @param report - whether their authors shall know
   */
  markRead(messages: readonly IncomingMessage[], report: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#owner.ledger.record({
        apply: async (transaction) => {
          const seen = await markSeen(transaction, messages)
          if (report) this.#reports.write(transaction, seen)
          return seen
        },
        done: (seen) => {
          if (report) this.#reports.add(seen)
          this.#report()
          resolve()
        },
        failed: reject,
      })
    })
  }

  /** A new session: all that has no answer is sent again. */
  connected(): void {
    this.#outbox.restart()
    this.#pump()
  }

  accepted({ id, messageId, at, delivered }: AcceptedFrame): void {
    const entry = this.#outbox.accepted(id)
    const status = delivered.length > 0 ? 'delivered' : 'accepted'
    this.#finish(entry, { status, devices: delivered, at }, (transaction) =>
      this.#owner.device.writeAccepted(transaction, messageId),
    )
    this.#pump()
  }

  refused(error: ErrorFrame): void {
    const to = this.#outbox.recipientOf(error.id)
    if (to === undefined) return
    const difference = error.code === 'DEVICES_CHANGED' ? error.details?.devices : undefined
    if (difference !== undefined) this.#peers.correct(to, difference)
    const failed = this.#outbox.refused(error.id, error, this.#owner.clock.now())
    if (difference !== undefined || failed !== undefined) {
      this.#finish(failed, { status: 'failed', error: error.code }, (transaction) => {
        if (difference !== undefined) this.#peers.write(transaction, to)
      })
    }
    this.#pump()
  }

  /** It is still on its way to the server. */
  isUnanswered(id: string): boolean {
    return this.#outbox.recipientOf(id) !== undefined
  }

  isStuck(now: number): boolean {
    const oldest = this.#outbox.oldestUnansweredAt()
    return oldest !== undefined && now - oldest > ANSWER_TIMEOUT_MS
  }

  close(): void {
    this.#cancelResume()
  }

  #report(): void {
    for (const entry of this.#reports.take()) this.#outbox.add(entry)
    this.#pump()
  }

  /** Takes an entry out of the stored outbox and notes its end in the history. */
  #finish(entry: OutboxEntry | undefined, news: News, also: (transaction: Transaction) => void): void {
    if (entry?.kind === Kind.READ) {
      this.#reports.finished(entry.to)
      this.#report()
    }
    this.#owner.ledger.record({
      apply: async (transaction) => {
        also(transaction)
        if (entry === undefined) return undefined
        if (entry.kind === Kind.READ) {
          this.#reports.finish(transaction, entry)
          return undefined
        }
        transaction.delete(keys.outbox(entry.order))
        return advanceOutgoing(transaction, entry.to, entry.id, news)
      },
      done: (message) => {
        if (message !== undefined) this.#owner.changed(message, entry !== undefined)
      },
      // The entry stays in the store: it is sent again after the next start, which the recipient does not notice.
      failed: (error) => this.#owner.broken(error),
    })
  }

  #pump(): void {
    if (!this.#owner.isOnline()) return
    const now = this.#owner.clock.now()
    for (const sendable of this.#outbox.take(now)) this.#owner.send(this.#frame(sendable))
    this.#cancelResume()
    const resumeAt = this.#outbox.nextResumeAt()
    if (resumeAt !== undefined) {
      this.#cancelResume = this.#owner.clock.setTimer(() => this.#pump(), Math.max(0, resumeAt - now))
    }
  }

  #frame({ entry, first }: Sendable): SendFrame {
    const { id, to, kind, about, content } = entry
    const devices = kind === Kind.MESSAGE ? this.#peers.devicesOf(to) : []
    const copies = devices.map((device) => ({ device, registrationId: 0, payload: content }))
    return { type: 'send', id, to, kind, copies, about, urgent: kind === Kind.MESSAGE, ttl: 0, first }
  }
}
