import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import { monotonicClock, systemClock } from '../shared/clock.ts'
import type { Clock } from '../shared/clock.ts'
import type { Database } from '../storage/database.ts'
import { DatabaseClock, lookWell } from '../storage/database-clock.ts'
import type { Health } from './health.ts'
import { repeat } from './repeat.ts'

export interface ClockSettings {
  readonly lookIntervalMs: number
  /** Of which the quickest counts. */
  readonly looks: number
  /** One look that took no longer is enough. */
  readonly goodLookMs: number
  /** By more clocks must not differ. */
  readonly toleranceMs: number
}

export interface ClockEvents {
  taskFailed(task: string, error: unknown): void
  clockStepped(ms: number): void
  clocksDiffer(reasons: readonly string[]): void
  clocksAgree(): void
}

export interface ClockWatchParts {
  /** The time of the first is the node's. */
  readonly databases: readonly Database[]
  readonly settings: ClockSettings
  readonly events: ClockEvents
  /** Of this machine. */
  readonly system?: Clock
  readonly monotonic?: Clock
}

/**
 * Looks at the clocks of the databases, time and again: that of the first is the node's time, the others and the machine's
 * own are held against it.
 */
export class ClockWatch {
  /** The node's time. */
  readonly clock: DatabaseClock
  readonly #parts: ClockWatchParts
  readonly #system: Clock
  readonly #monotonic: Clock
  /** Of the databases beside the first, by place: by how many ms they show more. */
  readonly #others: number[]
  #differed = false
  #stepped: ((was: number) => void) | undefined

  private constructor(parts: ClockWatchParts, clock: DatabaseClock) {
    this.#parts = parts
    this.#system = parts.system ?? systemClock
    this.#monotonic = parts.monotonic ?? monotonicClock
    this.clock = clock
    this.#others = parts.databases.map(() => 0)
  }

  /** Resolves when the time is known. */
  static async open(parts: ClockWatchParts): Promise<ClockWatch> {
    const { looks, goodLookMs } = parts.settings
    const { pool } = parts.databases[0]!
    const first = await lookWell(pool, looks, goodLookMs, parts.monotonic)
    const watch = new ClockWatch(parts, new DatabaseClock(first, parts.monotonic))
    await watch.look()
    return watch
  }

  /** Looks again and again. */
  start(): Disposable {
    const { settings, events } = this.#parts
    return repeat(
      () => this.look(),
      settings.lookIntervalMs,
      (error) => events.taskFailed('looking at the clocks', error),
    )
  }

  /** Looks at every database now; one that does not answer holds up no other, and its last difference counts. */
  async look(): Promise<void> {
    const { databases, settings, events } = this.#parts
    await Promise.all(
      databases.map(async ({ pool }, place) => {
        try {
          const sample = await lookWell(pool, settings.looks, settings.goodLookMs, this.#monotonic)
          if (place > 0) {
            this.#others[place] = this.clock.compare(sample)
            return
          }
          const was = this.clock.now()
          const step = this.clock.follow(sample)
          if (!this.#isOff(step)) return
          events.clockStepped(step)
          this.#stepped?.(was)
        } catch (error) {
          events.taskFailed('looking at the clocks', error)
        }
      }),
    )
    const reasons = this.reasons
    if (reasons.length > 0 && !this.#differed) events.clocksDiffer(reasons)
    if (reasons.length === 0 && this.#differed) events.clocksAgree()
    this.#differed = reasons.length > 0
  }

  /** Calls when the first database's clock was set, or this machine was suspended, with what the node's time was before. */
  onStep(listener: (was: number) => void): void {
    this.#stepped = listener
  }

  /** By how many ms the clock of this machine shows more than the node's time. */
  get systemOffsetMs(): number {
    return this.#system.now() - this.clock.now()
  }

  /** Whether all clocks show one time, as far as is known. */
  get agree(): boolean {
    return !this.#isOff(this.systemOffsetMs) && !this.#others.some((ms) => this.#isOff(ms))
  }

  /** What is wrong, in words. */
  get reasons(): readonly string[] {
    const offset = this.systemOffsetMs
    const own = this.#isOff(offset)
      ? [`this machine's clock is ${describe(offset)} PostgreSQL's: set both by NTP. Until then nothing expires`]
      : []
    const others = this.#others.flatMap((ms, place) =>
      this.#isOff(ms)
        ? [`the clock of database ${place + 1} is ${describe(ms)} that of the first: set both by NTP`]
        : [],
    )
    return [...own, ...others]
  }

  /** Red when this machine's clock is off: its sessions go on, but it may tell the time wrongly to whatever goes by it. */
  check(): Health {
    const reasons = this.reasons
    if (reasons.length === 0) return { state: 'ok' }
    return { state: this.#isOff(this.systemOffsetMs) ? 'failed' : 'degraded', reason: reasons.join('; ') }
  }

  register(registry: Registry): void {
    const offsets = (): readonly (readonly [clock: string, ms: number])[] => [
      ['system', this.systemOffsetMs],
      ...this.#others.slice(1).map((ms, i) => [`database ${i + 2}`, ms] as const),
    ]
    const gauge = new Gauge({
      name: 'parley_clock_offset_ms',
      help: "By how much a clock shows more than the first database's, which is the node's time",
      labelNames: ['clock'],
      registers: [registry],
      collect() {
        for (const [clock, ms] of offsets()) this.set({ clock }, ms)
      },
    })
    void gauge
  }

  #isOff(ms: number): boolean {
    return Math.abs(ms) > this.#parts.settings.toleranceMs
  }
}

/** "3.2 s ahead of", "31 days behind". */
function describe(ms: number): string {
  const seconds = Math.abs(ms) / 1_000
  const span =
    seconds < 120
      ? `${seconds.toFixed(1)} s`
      : seconds < 7_200
        ? `${Math.round(seconds / 60)} minutes`
        : seconds < 172_800
          ? `${Math.round(seconds / 3_600)} hours`
          : `${Math.round(seconds / 86_400)} days`
  return `${span} ${ms > 0 ? 'ahead of' : 'behind'}`
}
