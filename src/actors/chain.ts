import { envelopeBytes } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address } from '../shared/ids.ts'
import { isNotTaken, NO_INCARNATION } from './batch.ts'
import { Route } from './route.ts'
import type { FinalOutcome, RouteEffects, RouteListener } from './route.ts'

export interface ChainEffects<Item> extends RouteEffects {
  route(route: Route): void
  answered(item: Item, outcome: FinalOutcome): void
}

/** Half of what NATS takes by default. */
const MAX_BATCH_BYTES = 512 * 1024

/**
 * What one session sends to one device, in order: one batch is under way, what gathers meanwhile is the next one, and a
 * batch ends when every item of it is answered. The batch names the mailbox actor that accepted the whole last one; an
 * actor that is not so named reads its rows first, so nothing stored on another way is overtaken.
 */
export class Chain<Item extends { readonly envelope: Envelope }> implements RouteListener {
  readonly to: Address
  readonly #effects: ChainEffects<Item>
  #waiting: Item[] = []
  #underWay: readonly Item[] | undefined
  #incarnation: string = NO_INCARNATION
  /** The actor that accepts the batch under way; none once an item ended otherwise. */
  #answering: string | undefined
  /** Items whose end decides whether what waits may pass them. */
  #holds = 0

  constructor(to: Address, effects: ChainEffects<Item>) {
    this.to = to
    this.#effects = effects
  }

  /** Nothing is on its way. */
  get idle(): boolean {
    return this.#underWay === undefined && this.#holds === 0
  }

  /** Puts an item at the end. It leaves with the next {@link launch}. */
  add(item: Item): void {
    this.#waiting.push(item)
  }

  /** Sends what waits, unless a batch is under way or it is held. */
  launch(): void {
    if (this.#underWay !== undefined || this.#waiting.length === 0 || this.#holds > 0) return
    const items = this.#takeBatch()
    this.#underWay = items
    this.#answering = undefined
    const envelopes = items.map(({ envelope }) => envelope)
    this.#effects.route(new Route(this.to, envelopes, this.#incarnation, this, this.#effects))
  }

  /** Nothing more leaves before as many {@link release}s. */
  hold(): void {
    this.#holds++
  }

  release(): void {
    this.#holds--
    this.launch()
  }

  /** Takes out all that waits for its turn. */
  takeWaiting(): readonly Item[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }

  /** The first of what waits: one at least, and no more than a message of the bus holds. */
  #takeBatch(): readonly Item[] {
    const waiting = this.#waiting
    let bytes = 0
    for (let i = 0; i < waiting.length; i++) {
      bytes += envelopeBytes(waiting[i]!.envelope)
      if (bytes <= MAX_BATCH_BYTES || i === 0) continue
      this.#waiting = waiting.slice(i)
      return waiting.slice(0, i)
    }
    this.#waiting = []
    return waiting
  }

  answered(route: Route, index: number, outcome: FinalOutcome, incarnation: string): void {
    const items = this.#underWay
    const item = items?.[index]
    if (items === undefined || item === undefined) return
    const actor = isNotTaken(outcome) ? NO_INCARNATION : incarnation
    this.#answering = this.#answering === undefined || this.#answering === actor ? actor : NO_INCARNATION
    if (route.done) {
      this.#incarnation = this.#answering
      this.#underWay = undefined
    }
    this.#effects.answered(item, outcome)
    this.launch()
  }
}
