import type { SendGate } from '../actors/sender.ts'
import type { UserId } from '../shared/ids.ts'
import { Load } from '../shared/load.ts'
import type { JournalBacklog, LoadSettings } from '../shared/load.ts'
import type { Shed } from '../shared/load-events.ts'
import type { LoadLevel } from '../shared/load-signal.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Health } from './health.ts'

export interface OverloadSettings extends LoadSettings {
  readonly sampleIntervalMs: number
}

/** What the monitor sees of a journal. */
export interface WatchedJournal {
  readonly backlog: JournalBacklog
  shed(shedding: boolean): void
}

export interface OverloadEvents {
  /** The node begins, or ceases, to refuse something. */
  loadChanged(level: LoadLevel, reasons: readonly string[]): void
  shed(what: Shed): void
}

export interface OverloadParts {
  readonly settings: OverloadSettings
  /** In the order of the shards. */
  readonly journals: readonly WatchedJournal[]
  readonly bufferBytes: number
  readonly events: OverloadEvents
  shardOf(user: UserId): number
}

/**
 * Watches how late the node is, and says what it refuses for that. Nothing that was taken is dropped; what is refused is
 * told when to come again.
 */
export class Overload implements SendGate {
  readonly #parts: OverloadParts
  readonly #load: Load
  #level: LoadLevel = 'ok'
  /** Some journal or the event loop is at some level: read for every send. */
  #active = false
  #lastAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(parts: OverloadParts) {
    this.#parts = parts
    this.#load = new Load(parts.settings, parts.journals.length)
  }

  start(): void {
    this.#lastAt = performance.now()
    this.#timer = setInterval(this.#sample, this.#parts.settings.sampleIntervalMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  get level(): LoadLevel {
    return this.#level
  }

  get eventLoopDelayMs(): number {
    return this.#load.eventLoopDelayMs
  }

  /** In the order of the shards. */
  get backlogs(): readonly JournalBacklog[] {
    return this.#parts.journals.map(({ backlog }) => backlog)
  }

  get shedding(): boolean {
    return this.#active
  }

  refuses(to: UserId, known: boolean): boolean {
    const late = this.#load.eventLoopLevel === 'shedding sends'
    // A device that is connected may acknowledge without a row; for all others the journal itself refuses.
    if (!late && (known || this.#load.journalLevel(this.#parts.shardOf(to)) !== 'shedding sends')) return false
    this.#parts.events.shed('send')
    return true
  }

  retryAfterMs(): number {
    return this.#load.retryAfterMs(Math.random())
  }

  /** Whether one more WebSocket may be opened; undefined: yes. */
  refuseConnection(): { readonly retryAfterMs: number } | undefined {
    if (this.#level === 'ok') return undefined
    this.#parts.events.shed('connection')
    return { retryAfterMs: this.retryAfterMs() }
  }

  /** Whether a session of this user may begin. @throws RefusalError with OVERLOADED */
  requireSession(user: UserId): void {
    if (!this.#active) return
    if (this.#level === 'ok' && this.#load.journalLevel(this.#parts.shardOf(user)) === 'ok') return
    this.#refuse('session')
  }

  /** Whether a request that sends may be looked at. @throws RefusalError with OVERLOADED */
  requireRequest(): void {
    if (this.#level === 'shedding sends') this.#refuse('request')
  }

  check(): Health {
    const reasons = this.#load.reasons()
    return reasons.length === 0 ? { state: 'ok' } : { state: 'degraded', reason: reasons.join('; ') }
  }

  #refuse(what: Shed): never {
    this.#parts.events.shed(what)
    const message = 'This node has more to do than it can: come again later'
    throw new RefusalError('OVERLOADED', message, { retryAfterMs: this.retryAfterMs() })
  }

  readonly #sample = (): void => {
    const { settings, journals, bufferBytes, events } = this.#parts
    const now = performance.now()
    const lateMs = Math.max(0, now - this.#lastAt - settings.sampleIntervalMs)
    this.#lastAt = now
    const backlogs = journals.map(({ backlog }) => ({ ...backlog, fill: backlog.bytes / bufferBytes }))
    if (!this.#load.sample({ lateMs, journals: backlogs }, now)) return
    this.#level = this.#load.level
    const reasons = this.#load.reasons()
    this.#active = reasons.length > 0
    for (const [shard, journal] of journals.entries()) {
      journal.shed(this.#load.journalLevel(shard) === 'shedding sends')
    }
    events.loadChanged(this.#level, reasons)
  }
}
