import type { Envelope } from '../shared/envelope.ts'

/**
 * What became of one envelope of a batch.
 * - `accepted`: its row is surely committed
 * - `delivered`: the device has acknowledged it
 * - `refused`: not taken, for now: nothing after it in the batch is appended
 * - `full`: the same, because the mailbox holds as much as it may, of all or of this sender
 * - `notHere`: the mailbox actor has gone; somebody else must take it
 */
export type Outcome = 'accepted' | 'delivered' | NotTaken | 'notHere'

/** Why an envelope was not taken. */
export type NotTaken = 'refused' | 'full'

/** The sender's chain has spoken to no actor last, so that the actor reads its rows first. */
export const NO_INCARNATION = ''

/** Envelopes for one mailbox, in the order of their sender. Each is answered exactly once, by its index. */
export interface Batch {
  readonly envelopes: readonly Envelope[]
  /** The actor that accepted the whole last batch of this chain, {@link NO_INCARNATION}, or undefined when order does not matter. */
  readonly incarnation: string | undefined
  /** `incarnation` names the actor that answers; {@link NO_INCARNATION} when none had a part in it. */
  answer(index: number, outcome: Outcome, incarnation: string): void
}

export function isNotTaken(outcome: Outcome): outcome is NotTaken {
  return outcome === 'refused' || outcome === 'full'
}
