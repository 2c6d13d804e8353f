import { LOAD_LEVELS, LoadSignal } from './load-signal.ts'
import type { Calm, LoadLevel, LoadThresholds } from './load-signal.ts'

export interface LoadSettings extends Calm {
  readonly eventLoopDelayMs: LoadThresholds
  readonly journalAgeMs: LoadThresholds
  readonly journalFill: LoadThresholds
  /** What a refused client is told to wait: at least, and at most before its jitter. */
  readonly retryAfterMs: number
  readonly maxRetryAfterMs: number
}

/** What a journal has before it. */
export interface JournalBacklog {
  /** How long its oldest write waits, or is under way. */
  readonly ageMs: number
  readonly bytes: number
  /** PostgreSQL takes nothing: the journal itself refuses by then, and knows better than its age when that ends. */
  readonly away: boolean
}

export interface LoadSample {
  /** How much later than asked a timer came. */
  readonly lateMs: number
  /** In the order of the shards. */
  readonly journals: readonly (JournalBacklog & { readonly fill: number })[]
}

/** Of the newest delay in their mean: one pause, however long, is no overload; what comes again and again is. */
const NEWEST_SHARE = 0.3
/** Of a single delay, in multiples of what stops sends. */
const MOST_LATE = 1.4

/**
 * How much a node can take. Its event loop is what all its users share; a journal, only those of its shard: a late
 * database must not lock out the users of the others. Pure: samples in, levels out.
 */
export class Load {
  readonly #settings: LoadSettings
  readonly #eventLoop: LoadSignal
  readonly #ages: readonly LoadSignal[]
  readonly #fills: readonly LoadSignal[]
  #meanLateMs = 0

  constructor(settings: LoadSettings, journals: number) {
    this.#settings = settings
    this.#eventLoop = new LoadSignal(settings.eventLoopDelayMs, settings)
    this.#ages = Array.from({ length: journals }, () => new LoadSignal(settings.journalAgeMs, settings))
    this.#fills = Array.from({ length: journals }, () => new LoadSignal(settings.journalFill, settings))
  }

  get eventLoopDelayMs(): number {
    return this.#meanLateMs
  }

  /** Of the event loop alone. */
  get eventLoopLevel(): LoadLevel {
    return LOAD_LEVELS[this.#eventLoop.rank]!
  }

  /** Of the node: what its event loop calls for, or all of its journals. */
  get level(): LoadLevel {
    const journals = Math.min(...this.#ages.map((_, shard) => this.#journalRank(shard)))
    return LOAD_LEVELS[Math.max(this.#eventLoop.rank, Number.isFinite(journals) ? journals : 0)]!
  }

  /** For the users of one shard. */
  journalLevel(shard: number): LoadLevel {
    return LOAD_LEVELS[this.#journalRank(shard)]!
  }

  /**
   * @param now - ms of a clock that does not step back
   * @returns whether what is refused has changed
   */
  sample({ lateMs, journals }: LoadSample, now: number): boolean {
    const late = Math.min(lateMs, this.#settings.eventLoopDelayMs.sends * MOST_LATE)
    this.#meanLateMs += (late - this.#meanLateMs) * NEWEST_SHARE
    let changed = this.#eventLoop.sample(this.#meanLateMs, now)
    for (const [shard, { ageMs, fill, away }] of journals.entries()) {
      if (away) continue
      changed = this.#ages[shard]!.sample(ageMs, now) || changed
      changed = this.#fills[shard]!.sample(fill, now) || changed
    }
    return changed
  }

  /** What is behind, in words; empty when nothing is refused. */
  reasons(): string[] {
    const reasons: string[] = []
    const tell = ({ rank }: LoadSignal, what: string): void => {
      if (rank > 0) reasons.push(`${what}: ${LOAD_LEVELS[rank]!}`)
    }
    tell(this.#eventLoop, `the event loop is ${Math.round(this.#meanLateMs)} ms late`)
    for (const [shard, age] of this.#ages.entries()) {
      tell(age, `journal ${shard + 1} is ${Math.round(age.value)} ms behind`)
      const fill = this.#fills[shard]!
      tell(fill, `journal ${shard + 1} is ${Math.round(fill.value * 100)} % full`)
    }
    return reasons
  }

  /**
   * What a refused client is told to wait: it grows with the backlog, and spreads those who were refused together.
   * @param random - in [0, 1)
   */
  retryAfterMs(random: number): number {
    const { retryAfterMs, maxRetryAfterMs } = this.#settings
    let severity = 1
    for (const signal of [this.#eventLoop, ...this.#ages, ...this.#fills]) {
      if (signal.rank > 0) severity = Math.max(severity, signal.severity)
    }
    return Math.round(Math.min(maxRetryAfterMs, retryAfterMs * severity) * (1 + random / 2))
  }

  #journalRank(shard: number): number {
    return Math.max(this.#ages[shard]!.rank, this.#fills[shard]!.rank)
  }
}
