import type { Envelope } from '../shared/envelope.ts'
import type { Address } from '../shared/ids.ts'
import { isNotTaken, NO_INCARNATION } from './batch.ts'
import type { Batch, NotTaken, Outcome } from './batch.ts'

/** How a batch ends, item by item: by now it is stored, delivered, or not taken for now. */
export type FinalOutcome = Exclude<Outcome, 'notHere'>

/** Whoever sent the batch. */
export interface RouteListener {
  answered(route: Route, index: number, outcome: FinalOutcome, incarnation: string): void
}

export interface RouteEffects {
  /**
   * Appends for a mailbox that nobody here holds; `appended` or `notAppended` of the route follows. An answer says why
   * it was not taken: then none of them follows.
   */
  append(envelope: Envelope, route: Route, index: number): NotTaken | undefined
  /** Tells whoever holds the mailbox now that it has new rows. */
  wake(to: Address): void
}

/**
 * One batch on its way to one mailbox. The mailbox actor answers; what comes back as not here, and all that is
 * unanswered when nobody responds, is appended to the journal from this side. Both may happen to one envelope: its row
 * key makes that harmless. Nothing after a refused item is appended, by whomever.
 */
export class Route implements Batch {
  readonly to: Address
  readonly envelopes: readonly Envelope[]
  readonly incarnation: string | undefined
  readonly #listener: RouteListener
  readonly #effects: RouteEffects
  /** Items whose outcome is not final. */
  #open: number
  /** Items that came back; they wait for the others. */
  #returned: number[] | undefined
  /** Items that are the mailbox actor's to answer. */
  #unclaimed: number
  /** Which ones are no longer; not needed for a batch of one, the usual case. */
  #claimed: boolean[] | undefined
  /** How the first item that was not taken ended: those after it end alike. */
  #refused: NotTaken | undefined

  constructor(
    to: Address,
    envelopes: readonly Envelope[],
    incarnation: string | undefined,
    listener: RouteListener,
    effects: RouteEffects,
  ) {
    this.to = to
    this.envelopes = envelopes
    this.incarnation = incarnation
    this.#listener = listener
    this.#effects = effects
    this.#open = envelopes.length
    this.#unclaimed = envelopes.length
  }

  /** Every item has its final outcome. */
  get done(): boolean {
    return this.#open === 0
  }

  /** The mailbox actor has answered every item. */
  get claimed(): boolean {
    return this.#unclaimed === 0
  }

  /** The mailbox actor answers an item. */
  answer(index: number, outcome: Outcome, incarnation: string): void {
    if (!this.#claim(index)) return
    if (outcome === 'notHere') {
      this.#returned ??= []
      this.#returned.push(index)
    } else {
      this.#end(index, outcome, incarnation)
    }
    if (this.#returned !== undefined && this.#returned.length === this.#open) this.#appendReturned()
  }

  /**
   * Nobody holds the mailbox, or its holder has not answered in time: what is unanswered is appended from here.
   * @returns whether anything was unanswered
   */
  takeBack(): boolean {
    const unanswered = !this.claimed
    for (let i = 0; i < this.envelopes.length; i++) {
      if (!this.#claim(i)) continue
      this.#returned ??= []
      this.#returned.push(i)
    }
    if (this.#returned !== undefined) this.#appendReturned()
    return unanswered
  }

  /** The journal has committed an item of {@link RouteEffects.append}. */
  appended(index: number): void {
    this.#effects.wake(this.to)
    this.#end(index, 'accepted', NO_INCARNATION)
  }

  /** The journal could not append it, and surely has not. */
  notAppended(index: number): void {
    this.#end(index, 'refused', NO_INCARNATION)
  }

  #appendReturned(): void {
    const returned = this.#returned?.sort((a, b) => a - b) ?? []
    this.#returned = undefined
    for (const index of returned) {
      const refused = this.#refused ?? this.#effects.append(this.envelopes[index]!, this, index)
      if (refused !== undefined) this.#end(index, refused, NO_INCARNATION)
    }
  }

  #end(index: number, outcome: FinalOutcome, incarnation: string): void {
    if (isNotTaken(outcome)) this.#refused ??= outcome
    this.#open--
    this.#listener.answered(this, index, outcome, incarnation)
  }

  /** Whether the item was still the mailbox actor's to answer; from now on it is not. */
  #claim(index: number): boolean {
    if (this.#unclaimed === 0) return false
    if (this.envelopes.length > 1) {
      this.#claimed ??= []
      if (this.#claimed[index] === true) return false
      this.#claimed[index] = true
    }
    this.#unclaimed--
    return true
  }
}
