import type { Clock } from '../shared/clock.ts'

export interface ExpirySettings {
  /** Envelopes of a database that may have expired at once, and share of them, whichever is more: past it, it is a flood. */
  readonly floodRows: number
  readonly floodShare: number
  /** How long a flood, or what a step of the clock ended, is believed by nobody but an operator. */
  readonly holdMs: number
}

export interface ExpiryEvents {
  expiryHeld(reason: string): void
  expiryResumed(): void
}

/** What a database holds at a time, as a sample of it says. */
export interface ExpirySurvey {
  readonly rows: number
  readonly expired: number
}

/**
 * Whether envelopes may expire now. A message ends once and for all, and late harms nobody: so nothing ends while clocks
 * differ, nor for a day after the clock stepped, nor when so much has expired at once that a clock must be wrong.
 */
export class ExpiryGuard {
  readonly #settings: ExpirySettings
  readonly #events: ExpiryEvents
  readonly #monotonic: Clock
  readonly #clocksAgree: () => boolean
  /** By place of the database: since when it has a flood, on the monotonic clock, and what it is. */
  readonly #floods = new Map<number, { readonly since: number; readonly reason: string }>()
  #steppedAt: number | undefined
  #held = false

  constructor(settings: ExpirySettings, events: ExpiryEvents, monotonic: Clock, clocksAgree: () => boolean) {
    this.#settings = settings
    this.#events = events
    this.#monotonic = monotonic
    this.#clocksAgree = clocksAgree
  }

  /** Why nothing may expire; undefined: what is over may go. */
  get reason(): string | undefined {
    if (!this.#clocksAgree()) return 'the clocks differ'
    const now = this.#monotonic.now()
    if (this.#steppedAt !== undefined && !this.#isOver(this.#steppedAt, now)) return "PostgreSQL's clock stepped"
    for (const { since, reason } of this.#floods.values()) if (!this.#isOver(since, now)) return reason
    return undefined
  }

  get open(): boolean {
    return this.reason === undefined
  }

  /** What was over by the clock need not be so by time. */
  clockStepped(): void {
    this.#steppedAt = this.#monotonic.now()
  }

  /** Judges what a database says before anything of it is ended. */
  judge(place: number, { rows, expired }: ExpirySurvey): void {
    const { floodRows, floodShare } = this.#settings
    if (expired <= Math.max(floodRows, floodShare * rows)) this.#floods.delete(place)
    else if (!this.#floods.has(place)) {
      const reason = `about ${expired} of ${rows} envelopes of database ${place + 1} have expired at once`
      this.#floods.set(place, { since: this.#monotonic.now(), reason })
    }
    const reason = this.reason
    if (reason !== undefined && !this.#held) this.#events.expiryHeld(reason)
    if (reason === undefined && this.#held) this.#events.expiryResumed()
    this.#held = reason !== undefined
  }

  /** An operator has looked, and says that the clocks are right. Whether anything was held. */
  release(): boolean {
    const held = this.#steppedAt !== undefined || this.#floods.size > 0
    this.#steppedAt = undefined
    for (const [place, flood] of this.#floods) this.#floods.set(place, { ...flood, since: -Infinity })
    return held
  }

  #isOver(since: number, now: number): boolean {
    return now - since >= this.#settings.holdMs
  }
}
