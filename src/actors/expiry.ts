import type { Clock } from '../shared/clock.ts'

/** What decides whether anything may expire now. */
export interface ExpiryGate {
  readonly open: boolean
}

/** Says what is over of what was read of a mailbox. */
export class Expiry {
  readonly #clock: Clock
  readonly #gate: ExpiryGate

  constructor(clock: Clock, gate: ExpiryGate) {
    this.#clock = clock
    this.#gate = gate
  }

  /**
   * What expires before it (ms since 1970) may be ended: by PostgreSQL's clock at the read, but not before the node's time
   * says so too, lest a step of the one that nobody has noticed yet ends anything. 0 while nothing may expire.
   */
  endOf({ readAt }: { readonly readAt: number }): number {
    return this.#gate.open ? Math.min(readAt, this.#clock.now()) : 0
  }
}
