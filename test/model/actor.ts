import type { NotTaken } from '../../src/actors/batch.ts'
import type { InFlight, Owed, PendingAppend } from '../../src/actors/in-flight.ts'
import type { MailboxEffects, MailboxState, RowQuery, Rows } from '../../src/actors/mailbox-state.ts'
import type { Append, AppendListener, DeleteListener } from '../../src/storage/journal-op.ts'
import { envelopeBytes } from '../../src/shared/envelope.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { Arrival } from './arrival.ts'
import { addressOf, describe } from './devices.ts'
import type { Node } from './node.ts'
import { sendReceipts } from './receipts.ts'
import type { Socket } from './socket.ts'
import type { World } from './world.ts'

/** The shell around a MailboxState, as thin as the server's: an inbox in front, turns, and the effects carried out. */
export class Actor implements MailboxEffects, AppendListener<InFlight | Owed>, DeleteListener<InFlight> {
  readonly index: number
  readonly socket: Socket
  readonly node: Node
  readonly device: number
  readonly number: number
  readonly state: MailboxState
  stage: 'takeOver' | 'subscribed' | 'closed' = 'takeOver'
  /** Batches may be handed to it. */
  routable = false
  turnWanted = false
  /** The rows that were asked for; `rows` are there once the SELECT has run. */
  reading: { readonly query: RowQuery; rows?: Rows & { readonly readAt: number } } | undefined
  /** Finished, and their senders not told yet. */
  finished: InFlight[] = []
  readonly #world: World
  #inbox: Arrival[] = []
  #upTo: number | undefined
  #woken = false
  /** Delivered and not acknowledged. */
  readonly #window: { seq: number; bytes: number }[] = []
  #windowBytes = 0

  constructor(world: World, socket: Socket) {
    this.#world = world
    this.index = world.actors.length
    this.socket = socket
    this.node = socket.node
    this.device = socket.device
    this.number = socket.number
    this.state = new world.cores.MailboxState(`${this.device}-${this.number}`, world.config, this)
    world.actors.push(this)
  }

  get closed(): boolean {
    return this.stage === 'closed'
  }

  get name(): string {
    return `actor ${this.index} of device ${this.device} on node ${this.node.index}`
  }

  post(batch: Arrival): void {
    if (this.closed) return batch.answerAll('notHere')
    if (this.#inbox.length >= this.#world.config.inboxBatches) {
      this.#world.count.inboxFull++
      return batch.answerAll('refused')
    }
    this.#inbox.push(batch)
    this.turnWanted = true
  }

  acknowledge(upTo: number): void {
    this.#upTo = upTo
    this.turnWanted = true
  }

  wake(): void {
    this.#woken = true
    this.turnWanted = true
  }

  turn(): void {
    this.turnWanted = false
    if (this.#upTo !== undefined) this.#takeAcknowledgement(this.#upTo)
    if (this.#woken) {
      this.#woken = false
      this.state.wake()
    }
    for (let batch = this.#inbox.shift(); batch !== undefined; batch = this.#inbox.shift()) {
      this.#watchPhase(() => this.state.arrive(batch!))
    }
  }

  /** Ends the session and gives the mailbox up; `done` follows when all its appends are written. */
  close(replaced: boolean, done?: () => void): void {
    if (this.closed) return done?.()
    if (this.#world.verbose) this.#world.log(`${this.name} closes${replaced ? ' as replaced' : ''}`)
    if (this.routable) this.node.tellBus({ type: 'unsubscribe', actor: this })
    this.stage = 'closed'
    this.routable = false
    this.turnWanted = false
    this.node.leave(this)
    this.socket.end(replaced)
    this.state.close()
    for (const batch of this.#inbox.splice(0)) batch.answerAll('notHere')
    if (this.finished.length > 0) this.tellSenders()
    if (!this.#world.config.repairs.closingWake) return done?.()
    this.node.buffer.barrier(() => {
      this.node.wake(addressOf(this.device))
      done?.()
    })
  }

  /** Its node dies, and with it all that it knew. */
  die(): void {
    this.stage = 'closed'
    this.routable = false
    this.turnWanted = false
    this.reading = undefined
    this.finished = []
  }

  rowsRead(): void {
    const rows = this.reading?.rows
    this.reading = undefined
    if (rows !== undefined) this.#watchPhase(() => this.state.rowsRead(rows, this.node.time.expiry.endOf(rows)))
  }

  /** Routes one receipt for all that is finished. */
  tellSenders(): void {
    const items = this.finished
    this.finished = []
    sendReceipts(this, this.#world, items)
  }

  // What the journal says.

  appended(item: InFlight | Owed): void {
    if (item instanceof this.#world.cores.InFlight) this.state.committed(item)
    else this.state.settled(item as Owed, 'accepted')
  }

  notAppended(item: InFlight | Owed): void {
    if (item instanceof this.#world.cores.InFlight) this.state.failed(item)
    else this.state.settled(item as Owed, 'refused')
  }

  deleted(item: InFlight): void {
    this.state.removed(item)
  }

  // The effects of the state.

  deliver(seq: number, envelope: Envelope): void {
    const { windowEnvelopes, windowBytes, inFlightEnvelopes } = this.#world.config
    if (this.#windowBytes >= windowBytes) this.#world.violate('WINDOW', 'more bytes in flight than the window holds')
    this.#window.push({ seq, bytes: envelopeBytes(envelope) })
    this.#windowBytes += envelopeBytes(envelope)
    if (this.#window.length > windowEnvelopes) this.#world.violate('WINDOW', 'more envelopes than the window holds')
    if (this.state.inFlight > inFlightEnvelopes) this.#world.violate('WINDOW', 'too many envelopes in flight')
    if (this.#world.verbose) this.#world.log(`${this.name} delivers ${describe(envelope)}`)
    this.socket.say({ type: 'deliver', seq, envelope })
  }

  caughtUp(): void {
    this.socket.say({ type: 'caughtUp' })
  }

  append(envelope: Envelope, item: InFlight | Owed): PendingAppend | undefined {
    return this.node.store(envelope, this, item)
  }

  whyNoRoom(envelope: Envelope): NotTaken | undefined {
    return this.node.whyNoRoom(envelope)
  }

  strike(append: PendingAppend): boolean {
    return this.node.strike(append as Append)
  }

  read(query: RowQuery): void {
    if (this.reading !== undefined) this.#world.violate('READ', 'two reads at once')
    if (this.state.phase === 'live') this.#world.count.held++
    this.reading = { query }
  }

  receipt(item: InFlight): void {
    if (item.seq === 0) this.#world.postgres.ended(item.envelope)
    this.finished.push(item)
  }

  remove(item: InFlight): void {
    this.node.buffer.delete(addressOf(this.device), item.envelope.messageId, this.node.now, this, item)
  }

  #takeAcknowledgement(upTo: number): void {
    this.#upTo = undefined
    while (this.#window.length > 0 && this.#window[0]!.seq <= upTo) this.#windowBytes -= this.#window.shift()!.bytes
    if (!this.state.acknowledge(upTo)) this.#world.violate('ACK', 'an acknowledgement of a delivery is not known')
  }

  #watchPhase(run: () => void): void {
    const before = this.state.phase
    run()
    const { phase } = this.state
    if (before === 'live' && phase === 'behind') this.#world.count.behind++
    if (this.closed && phase !== 'closed') this.#world.violate('PHASE', 'a closed mailbox comes to life')
  }
}
