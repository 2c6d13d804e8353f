import nact from 'nact'
import { CloseCode } from '../../proto/close-codes.ts'
import type { ServerFrame } from '../../proto/frames.ts'
import type { Append, AppendListener, DeleteListener } from '../storage/journal-op.ts'
import type { Journal } from '../storage/journal.ts'
import type { MailboxHolder, MailboxPage } from '../storage/mailbox-rows.ts'
import type { BusHandler } from '../transport/bus.ts'
import type { Clock } from '../shared/clock.ts'
import { isReceipt } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address } from '../shared/ids.ts'
import { NO_INCARNATION } from './batch.ts'
import type { Batch, NotTaken } from './batch.ts'
import type { Expiry } from './expiry.ts'
import { Inbox } from './inbox.ts'
import { InFlight, Owed } from './in-flight.ts'
import { MailboxState } from './mailbox-state.ts'
import type { MailboxEffects, MailboxLimits, RowQuery } from './mailbox-state.ts'

/** A device whose token was good. */
export interface ConnectedDevice {
  readonly address: Address
  /** Of this connection. */
  readonly number: number
  /** Changes when the place of the device is taken by a newly registered one. */
  readonly registration: string
}

/** The device's end of a session. */
export interface DeviceSession {
  /** The device reads more slowly than it is sent to. */
  readonly congested: boolean
  /** The first rows are there, and so many envelopes wait. */
  opened(pending: number): void
  send(frame: ServerFrame): void
  /** Closes the connection; nothing more is sent. */
  end(code: CloseCode): void
}

export interface MailboxSettings extends MailboxLimits {
  readonly inboxItems: number
  readonly inboxBytes: number
}

export interface MailboxEvents {
  /** A message went to the session as it came, so many ms after its stamp. */
  deliveredLive(ms: number): void
  /** So many envelopes were given to the session, which has ended without acknowledging them. */
  leftUnacknowledged(envelopes: number): void
}

/** What a mailbox actor needs of its node. */
export interface MailboxHost {
  readonly settings: MailboxSettings
  readonly clock: Clock
  readonly expiry: Expiry
  readonly events: MailboxEvents
  readonly system: nact.ActorSystemRef
  journalOf(address: Address): Journal
  /** Why an envelope may not wait in its mailbox now; undefined: it may. */
  whyNoRoom(envelope: Envelope): NotTaken | undefined
  /** Reads rows, again and again until it succeeds; `rowsRead` of the actor follows. */
  read(actor: MailboxActor, query: RowQuery): void
  /** Tells the senders what became of envelopes; each item comes back by `receiptAccepted`, however late. */
  sendReceipts(actor: MailboxActor, items: readonly InFlight[]): void
  /** The actor takes part no more: nobody must find it. */
  leave(actor: MailboxActor): void
  /** Tells whoever holds the mailbox now that it may have new rows. */
  wake(address: Address): void
  crashed(actor: MailboxActor, error: Error): void
}

/**
 * One connected device: it holds the device's mailbox while the session lasts. Envelopes gather in a bounded inbox; the
 * first one asks nact for a turn, and the turn takes them all. What the journal and the reader answer comes back
 * between turns. What to do is decided by {@link MailboxState}; this class carries it out.
 */
export class MailboxActor implements MailboxEffects, AppendListener<InFlight | Owed>, DeleteListener<InFlight> {
  readonly address: Address
  readonly registration: string
  /** The number of the device's connection: the actor with the highest is the one that stays. */
  readonly number: number
  /** Its subscription is in force, so envelopes may be handed to it. */
  routable = false
  /** What hears other nodes for it, once it has subscribed. */
  endpoint: BusHandler | undefined
  readonly #host: MailboxHost
  readonly #session: DeviceSession
  readonly #journal: Journal
  readonly #state: MailboxState
  readonly #inbox: Inbox<Batch>
  /** What the device has acknowledged and no turn has seen yet: cumulative, so the highest says it all. */
  #ackUpTo: number | undefined
  #woken = false
  readonly #ref: nact.Ref<MailboxActor>
  /** Envelopes that the device is done with, and whose senders are told at the end of the turn. */
  #finished: InFlight[] = []
  #appending = 0
  #current: Batch | undefined
  #opened = false
  #closed = false
  #closing: Promise<void> | undefined

  constructor(device: ConnectedDevice, incarnation: string, session: DeviceSession, host: MailboxHost) {
    this.address = device.address
    this.number = device.number
    this.registration = device.registration
    this.#host = host
    this.#session = session
    this.#journal = host.journalOf(device.address)
    this.#state = new MailboxState(incarnation, host.settings, this)
    this.#inbox = new Inbox(host.settings.inboxItems, host.settings.inboxBytes)
    this.#ref = nact.spawn(host.system, takeTurn, incarnation, { onCrash })
  }

  /** Names this actor among all that ever held the mailbox. */
  get incarnation(): string {
    return this.#state.incarnation
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The mailbox is not in the database of this actor's journal any more. */
  get hasMoved(): boolean {
    return !this.#journal.holds(this.address.user)
  }

  /** Whether it stays when another connection of the device asks to take over. */
  isNewerThan({ registration, number }: { readonly registration: string; readonly number: number }): boolean {
    return this.registration === registration && this.number > number
  }

  /** Begins to deliver: the subscription is in force. */
  start(): void {
    this.#between(() => this.#state.start())
  }

  /** Envelopes for this mailbox. A full inbox refuses them. */
  post(batch: Batch): void {
    let bytes = 0
    for (const { payload } of batch.envelopes) bytes += payload.length
    if (this.closed) return answerAll(batch, 'notHere')
    if (!this.#inbox.offer(batch, batch.envelopes.length, bytes)) return answerAll(batch, 'refused')
    this.#wantTurn()
  }

  /** The device has stored everything up to this delivery. */
  acknowledge(upTo: number): void {
    this.#ackUpTo = Math.max(this.#ackUpTo ?? 0, upTo)
    this.#wantTurn()
  }

  /** There may be rows that this actor does not know of. */
  wake(): void {
    this.#woken = true
    this.#wantTurn()
  }

  /**
   * Hands something ephemeral to the device, unless the mailbox has more to do than it should, or the line: with signals
   * nobody must be able to close somebody else's connection as too slow.
   */
  signal(frame: ServerFrame): void {
    if (!this.closed && !this.#inbox.full && !this.#session.congested) this.#session.send(frame)
  }

  /**
   * Ends the session with this code and gives the mailbox up. Resolves when every append under way is committed, so that
   * whoever takes over finds all rows.
   */
  close(code: CloseCode): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#closing = this.#close(code)
    }
    return this.#closing ?? Promise.resolve()
  }

  /** Called by nact, one at a time. */
  turn(): void {
    this.#inbox.takeTurn()
    this.#takeAcknowledgement()
    if (this.#woken) this.#takeWake()
    for (let batch = this.#inbox.shift(); batch !== undefined; batch = this.#inbox.shift()) {
      this.#current = batch
      this.#state.arrive(batch)
    }
    this.#current = undefined
    this.#sendReceipts()
  }

  /** Something in this actor failed: its session ends, the device reconnects, and its rows are all there. */
  crash(error: Error): void {
    this.#ackUpTo = undefined
    this.#host.crashed(this, error)
    void this.close(CloseCode.SERVER_ERROR)
  }

  rowsRead(page: MailboxPage): void {
    this.checkHolder(page.holder)
    if (this.#closed) return
    if (!this.#opened) {
      this.#opened = true
      this.#session.opened(page.pending)
    }
    this.#between(() => this.#state.rowsRead(page, this.#host.expiry.endOf(page)))
  }

  /** Ends the session when its device has a newer connection, or is gone. */
  checkHolder(holder: MailboxHolder | undefined): void {
    if (holder?.registration !== this.registration) void this.close(CloseCode.DEVICE_REMOVED)
    else if (holder.connectionNumber > this.number) void this.close(CloseCode.REPLACED)
  }

  receiptAccepted(item: InFlight): void {
    this.#between(() => this.#state.receiptAccepted(item))
  }

  // What the journal says.

  appended(item: InFlight | Owed): void {
    this.#appending--
    try {
      if (item instanceof InFlight) this.#state.committed(item)
      else this.#state.settled(item, 'accepted')
    } catch (error) {
      this.crash(error as Error)
    }
  }

  notAppended(item: InFlight | Owed): void {
    this.#appending--
    try {
      if (item instanceof InFlight) this.#state.failed(item)
      else this.#state.settled(item, 'refused')
    } catch (error) {
      this.crash(error as Error)
    }
  }

  deleted(item: InFlight): void {
    try {
      this.#state.removed(item)
    } catch (error) {
      this.crash(error as Error)
    }
  }

  // The effects of the state.

  deliver(seq: number, envelope: Envelope, live: boolean): void {
    this.#session.send({ type: 'deliver', seq, envelope })
    if (live && !isReceipt(envelope.kind)) {
      this.#host.events.deliveredLive(this.#host.clock.now() - envelope.sentAt)
    }
  }

  caughtUp(): void {
    this.#session.send({ type: 'caughtUp' })
  }

  append(envelope: Envelope, item: InFlight | Owed): Append | undefined {
    const append = this.#journal.append(envelope, this, item, item instanceof Owed)
    if (append !== undefined) this.#appending++
    return append
  }

  whyNoRoom(envelope: Envelope): NotTaken | undefined {
    return this.#host.whyNoRoom(envelope)
  }

  strike(append: Append): boolean {
    const struck = this.#journal.strike(append)
    if (struck) this.#appending--
    return struck
  }

  read(query: RowQuery): void {
    this.#host.read(this, query)
  }

  receipt(item: InFlight): void {
    this.#finished.push(item)
    this.#wantTurn()
  }

  remove(item: InFlight): void {
    this.#journal.delete(this.address, item.envelope.messageId, this, item)
  }

  async #close(code: CloseCode): Promise<void> {
    this.routable = false
    this.#host.leave(this)
    this.#session.end(code)
    // It may have come in one read with the end of the connection.
    this.#between(() => this.#takeAcknowledgement())
    this.#host.events.leftUnacknowledged(this.#state.unacknowledged)
    this.#state.close()
    if (this.#current !== undefined) answerAll(this.#current, 'notHere')
    for (let batch = this.#inbox.shift(); batch !== undefined; batch = this.#inbox.shift()) answerAll(batch, 'notHere')
    this.#sendReceipts()
    nact.stop(this.#ref)
    if (this.#appending > 0) await this.#journal.settled()
    this.#host.wake(this.address)
  }

  #takeAcknowledgement(): void {
    const upTo = this.#ackUpTo
    if (upTo === undefined) return
    this.#ackUpTo = undefined
    if (!this.#state.acknowledge(upTo)) void this.close(CloseCode.PROTOCOL_ERROR)
  }

  #takeWake(): void {
    this.#woken = false
    this.#state.wake()
  }

  #sendReceipts(): void {
    if (this.#finished.length === 0) return
    const items = this.#finished
    this.#finished = []
    this.#host.sendReceipts(this, items)
  }

  #wantTurn(): void {
    if (this.closed || !this.#inbox.wantTurn()) return
    nact.dispatch(this.#ref, this)
  }

  /** Runs what comes back between turns. */
  #between(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.crash(error as Error)
    }
  }
}

function answerAll(batch: Batch, outcome: 'notHere' | 'refused'): void {
  for (let i = 0; i < batch.envelopes.length; i++) batch.answer(i, outcome, NO_INCARNATION)
}

/** The behaviour that all mailbox actors share: the message is the actor whose turn it is. */
function takeTurn(_state: unknown, actor: MailboxActor): void {
  actor.turn()
}

function onCrash(
  actor: MailboxActor | undefined,
  error: Error | undefined,
  context: nact.SupervisionContext<MailboxActor, nact.Ref<unknown>>,
): symbol {
  actor?.crash(error ?? new Error('a mailbox actor crashed'))
  return context.stop as symbol
}
