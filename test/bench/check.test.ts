import test from 'ava'
import { checkBudgets, formatChecks, isKept } from './check.ts'
import { PACED_P99_MS, STORM_ACCEPTED_MS, STORM_BACK_MS, TERMINAL_FRAME_MS } from './budgets.ts'
import type { Cell } from './cells.ts'
import { spread } from './statistics.ts'

/** Only what budgets are about. */
function cell(values: { window?: number; ratio?: number; budget?: number; p99Ms?: number }): Cell {
  const latency = { p50Ms: spread([1]), p99Ms: spread([values.p99Ms ?? 1]) }
  const { window, ratio = 1, budget } = values
  return { ackDelayMs: 50, window, ratio: spread([ratio]), budget, accepted: latency, delivered: latency } as Cell
}

const verdicts = (results: Parameters<typeof checkBudgets>[0]) => checkBudgets(results).map(isKept)

test('a median within its budget is kept, and one beyond it is not', (t) => {
  t.deepEqual(verdicts({ idle: { bytesPerDevice: 100, budgetBytes: 100 } }), [true])
  t.deepEqual(verdicts({ drain: { grownBytes: 101, budgetBytes: 100 } }), [false])
  const storm = (back: number, accepted: number) => ({
    back99Ms: spread([1, back, back * 10]),
    acceptedMs: { p50: spread([1]), p99: spread([accepted]) },
  })
  t.deepEqual(verdicts({ storm: storm(STORM_BACK_MS, STORM_ACCEPTED_MS + 1) }), [true, false])
  const fast = spread([TERMINAL_FRAME_MS])
  const frames = { text: 'short', first: fast, key: fast, message: fast, pageUp: fast }
  const slow = { ...frames, pageUp: spread([TERMINAL_FRAME_MS + 1]) }
  t.deepEqual(verdicts({ terminal: { frames: [frames, slow] } }), [true, false])
})

test('lives on one node are held against the relay, and messages at an even rate against their latency', (t) => {
  const cells = [cell({ window: 1, ratio: 2, budget: 2 }), cell({ window: 32, ratio: 3, budget: 2 })]
  const lives = [{ cells: [...cells, cell({ window: 8 })], paced: [cell({ p99Ms: PACED_P99_MS + 1 })] }]
  const checks = checkBudgets({ wholeLives: { lives, ratios: { cells: [], paced: [] } } })
  t.deepEqual(checks.map(isKept), [true, false, false, false])
  t.regex(formatChecks(checks), /EXCEEDED/)
})

test('lives between nodes are held against those on one', (t) => {
  const both = { cells: [cell({ window: 1 }), cell({ window: 32 })], paced: [] }
  const ratios = { cells: [spread([1.5]), spread([2.5])], paced: [] }
  t.deepEqual(verdicts({ wholeLives: { lives: [both, both], ratios } }), [true, false])
})

test('what was not measured keeps no budget', (t) => {
  t.deepEqual(verdicts({ idle: { bytesPerDevice: Number.NaN, budgetBytes: 100 } }), [false])
  t.deepEqual(verdicts({}), [])
})
