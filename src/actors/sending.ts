import type { Envelope } from '../shared/envelope.ts'
import type { DeviceId } from '../shared/ids.ts'
import type { NotTaken } from './batch.ts'
import type { Conversation } from './conversation.ts'
import type { FinalOutcome } from './route.ts'

/** One copy of a send: an envelope for one device. */
export interface Copy<Send> {
  readonly envelope: Envelope
  readonly sending: Sending<Send>
}

export interface SendingEffects<Send> {
  /** Tells the sender that these devices will never have it; {@link Sending.expired} follows. */
  expire(sending: Sending<Send>): void
  /** Each copy has ended: the send is accepted, or not taken for the reason given. */
  ended(sending: Sending<Send>, notTaken: NotTaken | undefined): void
}

const NONE: readonly DeviceId[] = []

/**
 * A send that was taken: it ends when each copy has. A copy for a device whose mailbox is full counts as expired at once
 * if another device takes the send, so that a device that nobody uses any more holds up none of the others. What waits
 * for that device must not leave before this is decided: if no device takes the send it is refused, and comes again.
 */
export class Sending<Send> {
  readonly send: Send
  /** Devices that have it already. */
  delivered = NONE
  /** Devices whose mailboxes are full. */
  full = NONE
  readonly #conversation: Conversation<Copy<Send>>
  readonly #effects: SendingEffects<Send>
  readonly #copies: number
  /** It counts as accepted when no device takes it: what the user's own other devices are told. */
  readonly #dispensable: boolean
  #left: number
  #notTaken: NotTaken | undefined

  constructor(
    send: Send,
    copies: number,
    dispensable: boolean,
    conversation: Conversation<Copy<Send>>,
    effects: SendingEffects<Send>,
  ) {
    this.send = send
    this.#copies = copies
    this.#left = copies
    this.#dispensable = dispensable
    this.#conversation = conversation
    this.#effects = effects
  }

  /** A copy has ended. */
  answered(device: DeviceId, outcome: FinalOutcome): void {
    if (outcome === 'delivered') this.delivered = [...this.delivered, device]
    if (outcome === 'full') {
      this.full = [...this.full, device]
      this.#conversation.hold(device)
    }
    if (outcome === 'refused') this.#refuse('refused')
    this.#copyEnded()
  }

  /** Whether the sender's mailbox has the word that the full devices will never have it. */
  expired(told: boolean): void {
    if (!told) this.#refuse('refused')
    this.#end()
  }

  /** What was sent later and waits must not pass it. */
  #refuse(reason: NotTaken): void {
    this.#notTaken = reason
    for (const { sending } of this.#conversation.refuse()) sending.#goBack(reason)
  }

  #goBack(reason: NotTaken): void {
    this.#notTaken ??= reason
    this.#copyEnded()
  }

  #copyEnded(): void {
    if (--this.#left > 0) return
    if (this.#notTaken === undefined && this.full.length > 0 && !this.#dispensable) {
      if (this.full.length < this.#copies) return this.#effects.expire(this)
      this.#refuse('full')
    }
    this.#end()
  }

  #end(): void {
    this.#effects.ended(this, this.#notTaken)
    for (const device of this.full) this.#conversation.release(device)
  }
}
