import { SingleBar } from 'cli-progress'
import { formatSlots } from '../../src/storage/slot-map.ts'
import { SlotMove } from '../../src/storage/slot-move.ts'
import type { MoveListener, MoveStep } from '../../src/storage/slot-move.ts'
import type { DatabaseSet } from './database-set.ts'
import { planAbort, planMove, shortSlots } from './plan.ts'
import type { MoveGroup } from './plan.ts'

/** Somebody stopped the tool at a moment at which it could. */
class StoppedError extends Error {
  override readonly name = 'StoppedError'
}

const stages: Readonly<Record<MoveStep, string>> = {
  arriving: 'getting ready',
  copying: 'copying',
  copied: 'copying what changed',
  frozen: 'frozen',
  synced: 'frozen, waiting for all nodes to know',
  away: 'handing over',
  moved: 'moved',
  cleared: 'deleted the old rows',
}

export interface MoveReport {
  readonly slots: number
  readonly rows: number
  readonly changes: number
  readonly longestFreezeMs: number
  readonly cleared: number
  readonly ms: number
}

/** Moves slots of a set of databases, group by group, with a bar that shows it. */
export class Mover {
  readonly #set: DatabaseSet
  readonly #target: number
  readonly #bar: SingleBar
  #bytes = 0
  #stopping = false
  #mayStop = false

  constructor(set: DatabaseSet, target: number) {
    this.#set = set
    this.#target = target
    const format = '{bar} {value}/{total} slots · {slots} · {stage} · {megabytes} MB'
    this.#bar = new SingleBar({ format, barsize: 20, hideCursor: true, noTTYOutput: true, notTTYSchedule: 2_000 })
  }

  /** Ends the run as soon as no slot is frozen. */
  stop(): void {
    this.#stopping = true
  }

  /** Moves the slots to the target. @throws SlotMoveError, StoppedError */
  async move(slots: readonly number[], together: number): Promise<MoveReport> {
    const startedAt = performance.now()
    const { moves, clears } = planMove(await this.#set.view(), slots, this.#target, together)
    const report = { slots: 0, rows: 0, changes: 0, longestFreezeMs: 0, cleared: 0 }
    const total = moves.reduce((sum, group) => sum + group.slots.length, 0)
    let movedAt = startedAt
    this.#bar.start(total, 0, { slots: '', stage: stages.arriving, megabytes: '0.0' })
    try {
      for (const group of moves) {
        const result = await this.#with(group, (move) => move.run(group.slots))
        movedAt = performance.now()
        report.slots += group.slots.length
        report.rows += result.rows
        report.changes += result.changes
        report.longestFreezeMs = Math.max(report.longestFreezeMs, result.frozenMs ?? 0)
        this.#bar.update(report.slots)
        if (this.#stopping) throw new StoppedError(`Stopped after ${formatSlots(group.slots)}`)
      }
      for (const group of [...clears, ...merge(moves)]) {
        const movedMs = performance.now() - movedAt
        report.cleared += await this.#with(group, (move) => move.clear(group.slots, movedMs))
      }
    } finally {
      this.#bar.stop()
    }
    return { ...report, ms: performance.now() - startedAt }
  }

  /** Gives back what is on its way to the target. @returns those slots */
  async abort(slots: readonly number[]): Promise<readonly number[]> {
    const groups = planAbort(await this.#set.view(), slots, this.#target)
    for (const group of groups) await this.#with(group, (move) => move.abort(group.slots))
    return groups.flatMap((group) => group.slots)
  }

  async #with<Answer>({ source, slots }: MoveGroup, work: (move: SlotMove) => Promise<Answer>): Promise<Answer> {
    const listener: MoveListener = {
      step: (step) => this.#show(step, slots),
      copied: (_table, bytes) => this.#copied(bytes),
    }
    const move = await SlotMove.open(this.#set.ends[source]!, this.#set.ends[this.#target]!, listener)
    try {
      return await work(move)
    } finally {
      // Without a connection there is nothing to let go.
      await move.close().catch(() => undefined)
    }
  }

  #show(step: MoveStep, slots: readonly number[]): void {
    this.#mayStop = step === 'arriving' || step === 'copying' || step === 'copied'
    this.#requireGoing()
    this.#bar.update({ slots: shortSlots(slots), stage: stages[step] })
  }

  #copied(bytes: number): void {
    this.#requireGoing()
    this.#bytes += bytes
    this.#bar.update({ megabytes: (this.#bytes / 1e6).toFixed(1) })
  }

  #requireGoing(): void {
    if (this.#stopping && this.#mayStop) throw new StoppedError('Stopped while copying')
  }
}

/** Groups of one source as one: their old rows are found in one look through the tables. */
function merge(groups: readonly MoveGroup[]): readonly MoveGroup[] {
  const bySource = Map.groupBy(groups, ({ source }) => source)
  return [...bySource].map(([source, parts]) => ({ source, slots: parts.flatMap(({ slots }) => slots) }))
}
