import { findClusterBudget, PACED_P99_MS, STORM_ACCEPTED_MS, STORM_BACK_MS, TERMINAL_FRAME_MS } from './budgets.ts'
import { ackName } from './cells.ts'
import type { Cell } from './cells.ts'
import type { DrainResult } from './drain.ts'
import { makeTable } from './format.ts'
import type { IdleResult } from './idle.ts'
import type { StormResult } from './storm.ts'
import type { TerminalResult } from './terminal.ts'
import type { WholeLivesRun } from './whole-lives.ts'

/** What a run of the bench measured; what it did not is absent. */
export interface Results {
  readonly wholeLives?: Pick<WholeLivesRun, 'lives' | 'ratios'> | undefined
  readonly idle?: Pick<IdleResult, 'bytesPerDevice' | 'budgetBytes'> | undefined
  readonly storm?: Pick<StormResult, 'back99Ms' | 'acceptedMs'> | undefined
  readonly drain?: Pick<DrainResult, 'grownBytes' | 'budgetBytes'> | undefined
  readonly terminal?: Pick<TerminalResult, 'frames'> | undefined
}

/** A median beside its budget, in the same unit. */
export interface Check {
  readonly name: string
  readonly measured: number
  readonly budget: number
}

/** What was not measured, as a median of nothing, is not kept. */
export function isKept({ measured, budget }: Check): boolean {
  return measured <= budget
}

/** All that was measured and has a budget. */
export function checkBudgets({ wholeLives, idle, storm, drain, terminal }: Results): readonly Check[] {
  return [
    ...(wholeLives === undefined ? [] : checkLives(wholeLives)),
    ...(idle === undefined ? [] : [check('bytes for each idle device', idle.bytesPerDevice, idle.budgetBytes)]),
    ...(storm === undefined
      ? []
      : [
          check('ms until 99 % are back', storm.back99Ms.median, STORM_BACK_MS),
          check('✓ p99 meanwhile, ms', storm.acceptedMs.p99.median, STORM_ACCEPTED_MS),
        ]),
    ...(drain === undefined ? [] : [check('growth of a node that drains, bytes', drain.grownBytes, drain.budgetBytes)]),
    ...(terminal === undefined ? [] : terminal.frames.map(checkFrames)),
  ]
}

export function formatChecks(checks: readonly Check[]): string {
  if (checks.length === 0) return 'Nothing of this has a budget.'
  const table = makeTable(['budget', 'measured', 'at most', ''])
  for (const one of checks) {
    const digits = one.budget < 100 ? 2 : 0
    table.push([one.name, one.measured.toFixed(digits), one.budget.toFixed(digits), isKept(one) ? 'kept' : 'EXCEEDED'])
  }
  return table.toString()
}

function checkLives({ lives, ratios }: Pick<WholeLivesRun, 'lives' | 'ratios'>): readonly Check[] {
  const checks = lives.length === 1 ? lives[0]!.cells.map(checkLife) : lives[0]!.cells.map(checkBetween)
  const paced = lives
    .at(-1)!
    .paced.flatMap(({ ackDelayMs, accepted, delivered }) => [
      check(`${ackName(ackDelayMs)}, even rate: ✓ p99, ms`, accepted.p99Ms.median, PACED_P99_MS),
      check(`${ackName(ackDelayMs)}, even rate: delivery p99, ms`, delivered.p99Ms.median, PACED_P99_MS),
    ])
  return [...checks, ...paced].filter((one) => one !== undefined)

  function checkBetween(cell: Cell, i: number): Check | undefined {
    const name = `${ackName(cell.ackDelayMs)}, window ${cell.window}: CPU between nodes, × one node`
    return check(name, ratios.cells[i]?.median ?? Number.NaN, findClusterBudget(cell.window))
  }
}

/** The slowest kind of frame. */
function checkFrames({ text, first, key, message, pageUp }: TerminalResult['frames'][number]): Check {
  const slowest = Math.max(...[first, key, message, pageUp].map(({ median }) => median))
  return check(`ms of a frame, ${text}`, slowest, TERMINAL_FRAME_MS)
}

function checkLife({ ackDelayMs, window, ratio, budget }: Cell): Check | undefined {
  return check(`${ackName(ackDelayMs)}, window ${window}: CPU of a life, × relay`, ratio.median, budget)
}

function check(name: string, measured: number, budget: number): Check
function check(name: string, measured: number, budget: number | undefined): Check | undefined
function check(name: string, measured: number, budget: number | undefined): Check | undefined {
  return budget === undefined ? undefined : { name, measured, budget }
}
