import type { Findings } from '../../tools/replay/checker.ts'
import { Latencies } from '../../tools/replay/latencies.ts'
import type { CrowdObserver } from '../faults/crowd.ts'

/** What happened from the beginning of one kind of fault to the beginning of the next, over all times it happened. */
export interface PhaseRecord {
  readonly name: string
  times: number
  sent: number
  accepted: number
  displayed: number
  /** From sending to ✓, while the sender wanted to be online. */
  longestToAcceptedMs: number
  /** From ✓ to the display, while the recipient wanted to be online. */
  longestToDisplayedMs: number
  /** From the end of the fault until every node was ready and everybody who wanted to be was online. */
  longestRecoveryMs: number
  /** From the loss of a session to the next one. */
  readonly reconnects: Latencies
}

/** Whoever it is: told apart by identity. */
type Person = object

/** How a message fares. Times are those of its people's presence clocks. */
interface Fate {
  readonly phase: PhaseRecord
  readonly to: Person
  readonly sentAt: number
  accepted: boolean
  displayed: boolean
  /** By the clock of its recipient; undefined before ✓. */
  acceptedAt: number | undefined
}

/** Runs while somebody wants to be online. */
interface Presence {
  ms: number
  /** Undefined: away. */
  since: number | undefined
  lostAt: number | undefined
  lostIn: PhaseRecord | undefined
}

/**
 * Keeps the figures of a campaign by fault: a message belongs to the one in which it was sent, a stall to the one in which
 * it began, a reconnect to the one in which the session was lost.
 */
export class ChaosRecord implements CrowdObserver {
  readonly #now: () => number
  readonly #phases = new Map<string, PhaseRecord>()
  readonly #fates = new Map<string, Fate>()
  readonly #presences = new Map<Person, Presence>()
  readonly #beginnings: { readonly at: number; readonly phase: PhaseRecord }[] = []
  #phase: PhaseRecord

  /** @param now - in ms; only goes on */
  constructor(now: () => number) {
    this.#now = now
    this.#phase = this.begin('no fault')
  }

  get phases(): readonly PhaseRecord[] {
    return [...this.#phases.values()]
  }

  /** From here on all belongs to this fault. */
  begin(name: string): PhaseRecord {
    const phase = this.#phases.get(name) ?? newPhase(name)
    phase.times++
    this.#phases.set(name, phase)
    this.#beginnings.push({ at: this.#now(), phase })
    this.#phase = phase
    return phase
  }

  /** Counts what was found wrong by the fault that it belongs to. */
  countFindings(findings: Findings): ReadonlyMap<PhaseRecord, Readonly<Record<keyof Findings, number>>> {
    const counts = new Map(this.phases.map((phase) => [phase, noFindings()]))
    for (const [kind, ids] of Object.entries(findings) as [keyof Findings, readonly string[]][]) {
      // What nobody sent belongs to no fault.
      for (const id of ids) counts.get(this.#fates.get(id)?.phase ?? this.phases[0]!)![kind]++
    }
    return counts
  }

  sent(id: string, from: Person, to: Person): void {
    this.#phase.sent++
    const sentAt = this.#presentMs(from)
    this.#fates.set(id, { phase: this.#phase, to, sentAt, accepted: false, displayed: false, acceptedAt: undefined })
  }

  accepted(id: string, from: Person): void {
    const fate = this.#fates.get(id)
    if (fate === undefined || fate.accepted) return
    fate.accepted = true
    fate.acceptedAt = this.#presentMs(fate.to)
    fate.phase.accepted++
    const stallMs = this.#presentMs(from) - fate.sentAt
    const phase = this.#phaseOf(stallMs)
    phase.longestToAcceptedMs = Math.max(phase.longestToAcceptedMs, stallMs)
  }

  displayed(id: string, to: Person): void {
    const fate = this.#fates.get(id)
    if (fate === undefined || fate.displayed) return
    fate.displayed = true
    fate.phase.displayed++
    if (fate.acceptedAt === undefined) return
    const stallMs = this.#presentMs(to) - fate.acceptedAt
    const phase = this.#phaseOf(stallMs)
    phase.longestToDisplayedMs = Math.max(phase.longestToDisplayedMs, stallMs)
  }

  /** In which a stall that ends now began. Who was away when it was sent began to wait on coming back. */
  #phaseOf(stallMs: number): PhaseRecord {
    const since = this.#now() - stallMs
    return this.#beginnings.findLast(({ at }) => at <= since)?.phase ?? this.#phase
  }

  connection(person: Person, online: boolean): void {
    const presence = this.#presence(person)
    if (online) {
      if (presence.lostAt !== undefined) presence.lostIn?.reconnects.add(this.#now() - presence.lostAt)
      presence.lostAt = undefined
      presence.since ??= this.#now()
    } else if (presence.since !== undefined && presence.lostAt === undefined) {
      presence.lostAt = this.#now()
      presence.lostIn = this.#phase
    }
  }

  moved(person: Person, away: boolean): void {
    const presence = this.#presence(person)
    if (away) {
      presence.ms = this.#presentMs(person)
      presence.since = undefined
      presence.lostAt = undefined
    } else {
      presence.since ??= this.#now()
    }
  }

  #presentMs(person: Person): number {
    const { ms, since } = this.#presence(person)
    return since === undefined ? ms : ms + this.#now() - since
  }

  #presence(person: Person): Presence {
    const known = this.#presences.get(person)
    if (known !== undefined) return known
    const presence: Presence = { ms: 0, since: undefined, lostAt: undefined, lostIn: undefined }
    this.#presences.set(person, presence)
    return presence
  }
}

function newPhase(name: string): PhaseRecord {
  return {
    name,
    times: 0,
    sent: 0,
    accepted: 0,
    displayed: 0,
    longestToAcceptedMs: 0,
    longestToDisplayedMs: 0,
    longestRecoveryMs: 0,
    reconnects: new Latencies(),
  }
}

function noFindings(): Record<keyof Findings, number> {
  const receipts = { unaccepted: 0, undelivered: 0, unread: 0, movedBack: 0 }
  return { lost: 0, duplicated: 0, outOfOrder: 0, unsent: 0, ...receipts, stopped: 0 }
}
