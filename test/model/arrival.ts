import type { Batch, Outcome } from '../../src/actors/batch.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { World } from './world.ts'

/** A batch as it reaches an actor: watches that each item is answered, and once. */
export class Arrival implements Batch {
  readonly envelopes: readonly Envelope[]
  readonly incarnation: string | undefined
  readonly #world: World
  readonly #sender: Pick<Batch, 'answer'>
  readonly #answered: boolean[]

  constructor(world: World, batch: Pick<Batch, 'envelopes' | 'incarnation'>, sender: Pick<Batch, 'answer'>) {
    this.envelopes = batch.envelopes
    this.incarnation = batch.incarnation
    this.#world = world
    this.#sender = sender
    this.#answered = batch.envelopes.map(() => false)
  }

  /** Which item nobody has answered; -1: none. */
  get unanswered(): number {
    return this.#answered.indexOf(false)
  }

  answer(index: number, outcome: Outcome, incarnation: string): void {
    if (this.#answered[index] === true) this.#world.violate('ANSWER', 'an actor answers an item twice')
    this.#answered[index] = true
    this.#sender.answer(index, outcome, incarnation)
  }

  /** Answers all of it alike, as whoever does not take it. */
  answerAll(outcome: 'notHere' | 'refused'): void {
    for (let i = 0; i < this.envelopes.length; i++) this.answer(i, outcome, '')
  }
}
