import type { Envelope } from '../shared/envelope.ts'
import type { Batch, Outcome } from './batch.ts'

/** An append on its way to a commit, as the journal knows it. */
export type PendingAppend = object

/** An envelope that was handed to the device and whose row, if it has one, is not removed yet. */
export class InFlight {
  readonly envelope: Envelope
  /** Its number in the session; 0 when it expired instead of being delivered. */
  readonly seq: number
  acknowledged = false
  /** Its row is surely in PostgreSQL. */
  committed = false
  /** Its own insert, until that is committed. */
  append: PendingAppend | undefined
  /** The next one of the window. */
  next: InFlight | undefined
  #batch: Batch | undefined
  #index = 0
  /** The same envelope came again, by another way, before it was answered: rare. */
  #others: [Batch, number][] | undefined

  constructor(envelope: Envelope, seq: number) {
    this.envelope = envelope
    this.seq = seq
  }

  /** Whoever sent the item of a batch is answered when its outcome is known. */
  await(batch: Batch, index: number): void {
    if (this.#batch === undefined) {
      this.#batch = batch
      this.#index = index
    } else {
      this.#others ??= []
      this.#others.push([batch, index])
    }
  }

  /** Answers all who wait. */
  answer(outcome: Outcome, incarnation: string): void {
    const batch = this.#batch
    const others = this.#others
    this.#batch = undefined
    this.#others = undefined
    batch?.answer(this.#index, outcome, incarnation)
    if (others !== undefined) for (const [other, index] of others) other.answer(index, outcome, incarnation)
  }
}

/** An envelope that was appended without being delivered: a later read brings it. */
export class Owed {
  readonly batch: Batch
  readonly index: number

  constructor(batch: Batch, index: number) {
    this.batch = batch
    this.index = index
  }
}
