/** How much is refused, from nothing upward; each level includes the one before. */
export const LOAD_LEVELS = ['ok', 'shedding connections', 'shedding sends'] as const

export type LoadLevel = (typeof LOAD_LEVELS)[number]

/** From which value on connections, and sends too, are refused. */
export interface LoadThresholds {
  readonly connections: number
  readonly sends: number
}

/** When a level ends. */
export interface Calm {
  /** The value must be below this share of the level's threshold … */
  readonly calmShare: number
  /** … for so long, all the time. */
  readonly calmMs: number
}

/**
 * One measure of load and the level that it calls for. It rises at once to the level whose threshold is reached, and
 * falls by one level after each time of calm: what was shed must not come back in one wave. Pure: time comes in.
 */
export class LoadSignal {
  readonly #thresholds: LoadThresholds
  readonly #calm: Calm
  #rank = 0
  #value = 0
  #calmSince: number | undefined

  constructor(thresholds: LoadThresholds, calm: Calm) {
    this.#thresholds = thresholds
    this.#calm = calm
  }

  /** The place of the level in {@link LOAD_LEVELS}. */
  get rank(): number {
    return this.#rank
  }

  get value(): number {
    return this.#value
  }

  /** How far the value is beyond what the node takes: 1 where sends begin to be refused. */
  get severity(): number {
    return this.#value / this.#thresholds.sends
  }

  /** A new value, at `now` (ms of any clock that does not step back). True: the level has changed. */
  sample(value: number, now: number): boolean {
    const before = this.#rank
    this.#value = value
    const { connections, sends } = this.#thresholds
    const reached = value >= sends ? 2 : value >= connections ? 1 : 0
    if (reached > this.#rank) {
      this.#rank = reached
      this.#calmSince = undefined
    } else if (this.#rank > 0) {
      this.#fall(now)
    }
    return this.#rank !== before
  }

  #fall(now: number): void {
    const { connections, sends } = this.#thresholds
    const threshold = this.#rank === 2 ? sends : connections
    if (this.#value >= threshold * this.#calm.calmShare) {
      this.#calmSince = undefined
      return
    }
    this.#calmSince ??= now
    if (now - this.#calmSince < this.#calm.calmMs) return
    this.#rank--
    this.#calmSince = now
  }
}
