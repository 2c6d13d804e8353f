import { Kind } from '../../proto/frames.ts'
import { isReceipt, isTracked } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import { addressKey } from '../shared/ids.ts'
import type { Address, MessageId, UserId } from '../shared/ids.ts'
import { createLru } from '../shared/lru.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Journal } from '../storage/journal.ts'
import type { MailboxPage } from '../storage/mailbox-rows.ts'
import type { Expiry } from './expiry.ts'
import type { NotTaken } from './batch.ts'
import type { HostedAccepted, HostedMailbox, HostedMessage } from './hosted-device.ts'
import type { Receipts } from './receipts.ts'
import { deleteRow } from './returns.ts'
import type { Returns } from './returns.ts'
import { Sender } from './sender.ts'
import type { SenderHost, SenderListener, SendRefusal } from './sender.ts'

export interface HostedMailboxesOptions {
  readonly senders: SenderHost
  readonly receipts: Receipts
  readonly returns: Returns
  readonly expiry: Expiry
  journalOf(to: Address): Journal
  /** The first envelopes of a mailbox. */
  readMailbox(to: Address, limit: number): Promise<MailboxPage>
  newClientId(): string
}

/** Hosted devices that have something on its way, at most. */
const MAX_SENDERS = 10_000
/** Of one message, because of others to the same recipient. */
const MAX_RESENDS = 10
/** Client ids that one receipt is about. */
const RECEIPT_IDS = 1_000

/** The devices that are used over HTTP: they have no session, so their mailboxes are read as rows. */
export class HostedMailboxes implements HostedMailbox {
  readonly #options: HostedMailboxesOptions
  readonly #outboxes = createLru<number, HostedOutbox>(MAX_SENDERS)

  constructor(options: HostedMailboxesOptions) {
    this.#options = options
  }

  send(from: Address, message: HostedMessage): Promise<HostedAccepted | SendRefusal> {
    const key = addressKey(from.user, from.device)
    const outbox = this.#outboxes.get(key) ?? new HostedOutbox(from, this.#options.senders)
    this.#outboxes.set(key, outbox)
    return outbox.send(message)
  }

  async read(owner: Address, limit: number): Promise<{ envelopes: readonly Envelope[]; more: boolean }> {
    for (;;) {
      const page = await this.#options.readMailbox(owner, limit + 1)
      const end = this.#options.expiry.endOf(page)
      const over = page.rows.filter((row) => isReceipt(row.kind) || row.expiresAt < end)
      const dropped = await this.#drop(over)
      // What cannot go back now stays for the next time, and is not shown.
      if (dropped === 0 || (page.complete && over.length < page.rows.length)) {
        const envelopes = page.rows.filter((row) => !over.includes(row))
        return { envelopes: envelopes.slice(0, limit), more: !page.complete || envelopes.length > limit }
      }
    }
  }

  async acknowledge(owner: Address, envelopes: readonly Envelope[]): Promise<void> {
    const bySender = Map.groupBy(envelopes.filter(isTracked), ({ from }) => from.user)
    const told = [...bySender].map(([to, sent]) =>
      this.#tell(
        owner,
        to,
        Kind.DELIVERED,
        sent.map(({ id }) => id),
      ),
    )
    if ((await Promise.all(told)).includes(false)) throw noRoom()
    await Promise.all(envelopes.map((row) => deleteRow(this.#options.journalOf(row.to), row)))
  }

  async tellRead(owner: Address, to: UserId, about: readonly string[]): Promise<void> {
    for (let i = 0; i < about.length; i += RECEIPT_IDS) {
      if (!(await this.#tell(owner, to, Kind.READ, about.slice(i, i + RECEIPT_IDS)))) throw noRoom()
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

  #tell(from: Address, to: UserId, kind: Kind, about: readonly string[]): Promise<boolean> {
    const id = kind === Kind.READ ? this.#options.newClientId() : ''
    return new Promise((resolve) => {
      // A READ that finds no room is dropped: it must not keep here what has been read.
      const listener = { receiptSent: (_item: unknown, notTaken?: NotTaken) => resolve(notTaken !== 'refused') }
      this.#options.receipts.send({ kind, id, from, to, about }, listener, undefined)
    })
  }
}

function noRoom(): RefusalError {
  return new RefusalError('OVERLOADED', 'The receipts could not be stored now', { retryAfterMs: 1_000 })
}

/** What one hosted device has on its way. */
class HostedOutbox implements SenderListener {
  readonly #sender: Sender
  readonly #clock: SenderHost['clock']
  readonly #waiting = new Map<string, (answer: HostedAccepted | SendRefusal) => void>()
  /** By client id: what is sent twice at a time goes once. */
  readonly #sending = new Map<string, Promise<HostedAccepted | SendRefusal>>()
  /** Sends on their way, by recipient: the next one to somebody with none is a first one. */
  readonly #unanswered = new Map<UserId, Set<Promise<unknown>>>()

  constructor(from: Address, host: SenderHost) {
    this.#sender = new Sender(from, 0n, host, this)
    this.#clock = host.clock
  }

  send(message: HostedMessage): Promise<HostedAccepted | SendRefusal> {
    const { id } = message
    const known = this.#sending.get(id)
    if (known !== undefined) return known
    const sending = this.#send(message).finally(() => this.#sending.delete(id))
    this.#sending.set(id, sending)
    return sending
  }

  /** Requests have no order among each other: one that goes back because of another is sent again after it. */
  async #send(message: HostedMessage): Promise<HostedAccepted | SendRefusal> {
    for (let round = 0; ; round++) {
      const answer = await this.#sendOnce(message)
      if (!('code' in answer) || answer.code !== 'RESEND_FROM_FIRST' || round === MAX_RESENDS) return answer
      await Promise.all(this.#unanswered.get(message.to) ?? [])
    }
  }

  async #sendOnce({ id, to, kind, copies, urgent }: HostedMessage): Promise<HostedAccepted | SendRefusal> {
    const others = this.#unanswered.get(to) ?? new Set()
    const first = others.size === 0
    const answered = new Promise<HostedAccepted | SendRefusal>((resolve) => {
      this.#waiting.set(id, resolve)
    })
    others.add(answered)
    this.#unanswered.set(to, others)
    this.#sender.send({ type: 'send', id, to, kind, copies, about: [], urgent, ttl: 0, first })
    this.#sender.launch()
    const answer = await answered
    others.delete(answered)
    if (others.size === 0) this.#unanswered.delete(to)
    return answer
  }

  accepted(id: string, messageId: MessageId): void {
    this.#settle(id, { messageId, acceptedAtMs: this.#clock.now() })
  }

  refused(id: string, refusal: SendRefusal): void {
    this.#settle(id, refusal)
  }

  #settle(id: string, answer: HostedAccepted | SendRefusal): void {
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }
}
