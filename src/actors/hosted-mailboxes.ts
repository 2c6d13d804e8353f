import { LRUCache } from 'lru-cache'
import { Kind } from '../../proto/frames.ts'
import { isReceipt, isTracked } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import { addressKey } from '../shared/ids.ts'
import type { Address, DeviceId, MessageId, UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Refusal } from '../shared/refusal.ts'
import type { Journal } from '../storage/journal.ts'
import type { MailboxPage } from '../storage/mailbox-rows.ts'
import type { Directory } from './directory.ts'
import type { HostedAccepted, HostedDevices, HostedMessage } from './hosted-device.ts'
import type { Receipts } from './receipts.ts'
import { deleteRow } from './returns.ts'
import type { Returns } from './returns.ts'
import { Sender } from './sender.ts'
import type { SenderHost, SenderListener, SendRefusal } from './sender.ts'

export interface HostedMailboxesOptions {
  readonly senders: SenderHost
  readonly directory: Directory
  readonly receipts: Receipts
  readonly returns: Returns
  journalOf(to: Address): Journal
  /** The first envelopes of a mailbox. */
  readMailbox(to: Address, limit: number): Promise<MailboxPage>
  newClientId(): string
}

/** Hosted devices that have something on its way, at most. */
const MAX_SENDERS = 10_000
const PAGE_ROWS = 1_000

/** The devices that are used over HTTP: they have no session, so their mailboxes are read as rows. */
export class HostedMailboxes implements HostedDevices {
  readonly #options: HostedMailboxesOptions
  readonly #outboxes = new LRUCache<number, HostedOutbox>({ max: MAX_SENDERS })

  constructor(options: HostedMailboxesOptions) {
    this.#options = options
  }

  async send(from: Address, message: HostedMessage): Promise<HostedAccepted | Refusal> {
    const devices = await this.#options.directory.find(message.to)
    if (devices.length === 0) return { code: 'UNKNOWN_USER', message: `Nobody is registered as +${message.to}` }
    const own = message.to === from.user ? from.device : undefined
    const copies = devices.filter(({ device }) => device !== own).map(({ device }) => device)
    const key = addressKey(from.user, from.device)
    const outbox = this.#outboxes.get(key) ?? new HostedOutbox(from, this.#options.senders)
    this.#outboxes.set(key, outbox)
    return outbox.send(message, copies)
  }

  async read(owner: Address, limit: number): Promise<{ envelopes: readonly Envelope[]; more: boolean }> {
    for (;;) {
      const page = await this.#options.readMailbox(owner, limit + 1)
      const now = this.#options.senders.clock.now()
      const over = page.rows.filter((row) => isReceipt(row.kind) || row.expiresAt <= now)
      const dropped = await this.#drop(over)
      // What cannot go back now stays for the next time, and is not shown.
      if (dropped === 0 || (page.complete && over.length < page.rows.length)) {
        const envelopes = page.rows.filter((row) => !over.includes(row))
        return { envelopes: envelopes.slice(0, limit), more: !page.complete || envelopes.length > limit }
      }
    }
  }

  async acknowledge(owner: Address, upTo: MessageId, { read }: { read: boolean }): Promise<number> {
    let acknowledged = 0
    for (;;) {
      const page = await this.#options.readMailbox(owner, PAGE_ROWS)
      const rows = page.rows.filter(({ messageId }) => messageId <= upTo)
      if (rows.length === 0) return acknowledged
      await this.#finish(owner, rows, read)
      acknowledged += rows.filter(({ kind }) => !isReceipt(kind)).length
    }
  }

  /** Receipts have done their work here; what has expired goes back. Answers how many rows went. */
  async #drop(rows: readonly Envelope[]): Promise<number> {
    const dropped = await Promise.all(
      rows.map(async (row) => {
        if (!isReceipt(row.kind)) return this.#options.returns.end(row)
        await deleteRow(this.#options.journalOf(row.to), row)
        return true
      }),
    )
    return dropped.filter(Boolean).length
  }

  /** Tells the senders, then deletes the rows. */
  async #finish(owner: Address, rows: readonly Envelope[], read: boolean): Promise<void> {
    const bySender = Map.groupBy(rows.filter(isTracked), ({ from }) => from.user)
    const kinds = read ? [Kind.DELIVERED, Kind.READ] : [Kind.DELIVERED]
    const told = [...bySender].flatMap(([to, envelopes]) => kinds.map((kind) => this.#tell(owner, to, kind, envelopes)))
    if ((await Promise.all(told)).includes(false)) {
      throw new RefusalError('OVERLOADED', 'The receipts could not be stored now', { retryAfterMs: 1_000 })
    }
    await Promise.all(rows.map((row) => deleteRow(this.#options.journalOf(row.to), row)))
  }

  #tell(from: Address, to: UserId, kind: Kind, envelopes: readonly Envelope[]): Promise<boolean> {
    const id = kind === Kind.READ ? this.#options.newClientId() : ''
    const receipt = { kind, id, from, to, about: envelopes.map((envelope) => envelope.id) }
    return new Promise((resolve) => {
      this.#options.receipts.send(receipt, { receiptSent: (_item, stored) => resolve(stored) }, undefined)
    })
  }
}

/** What one hosted device has on its way. */
class HostedOutbox implements SenderListener {
  readonly #sender: Sender
  readonly #clock: SenderHost['clock']
  readonly #waiting = new Map<string, (answer: HostedAccepted | Refusal) => void>()
  /** Sends on their way, by recipient: the next one to somebody with none is a first one. */
  readonly #unanswered = new Map<UserId, number>()

  constructor(from: Address, host: SenderHost) {
    this.#sender = new Sender(from, 0n, host, this)
    this.#clock = host.clock
  }

  async send(message: HostedMessage, devices: readonly DeviceId[]): Promise<HostedAccepted | Refusal> {
    const { id, to, payload, urgent } = message
    if (this.#waiting.has(id))
      return { code: 'OVERLOADED', message: 'The same message is on its way', retryAfterMs: 1_000 }
    const before = this.#unanswered.get(to) ?? 0
    this.#unanswered.set(to, before + 1)
    const answered = new Promise<HostedAccepted | Refusal>((resolve) => {
      this.#waiting.set(id, resolve)
    })
    const copies = devices.map((device) => ({ device, registrationId: 0, payload }))
    const first = before === 0
    this.#sender.send({ type: 'send', id, to, kind: Kind.MESSAGE, copies, about: [], urgent, ttl: 0, first })
    this.#sender.launch()
    const answer = await answered
    const left = (this.#unanswered.get(to) ?? 1) - 1
    if (left === 0) this.#unanswered.delete(to)
    else this.#unanswered.set(to, left)
    return answer
  }

  accepted(id: string, messageId: MessageId): void {
    this.#settle(id, { messageId, acceptedAtMs: this.#clock.now() })
  }

  refused(id: string, refusal: SendRefusal): void {
    this.#settle(id, refusal)
  }

  #settle(id: string, answer: HostedAccepted | Refusal): void {
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }
}
