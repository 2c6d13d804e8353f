import test from 'ava'
import type { SlotRow, SlotState } from '../../../src/storage/slot-row.ts'
import { SlotMoveError } from '../../../src/storage/slot-move.ts'
import { parseSlots, parseTarget, planAbort, planMove, shortSlots } from '../../../tools/shards/plan.ts'
import type { SetView } from '../../../tools/shards/plan.ts'

const NAMES = ['a/db', 'b/db', 'c/db']

function row(slot: number, state: SlotState, peer: string | null = null, cleared = false): SlotRow {
  return { slot, state, peer, cleared }
}

function view(...slots: readonly (readonly SlotRow[])[]): SetView {
  return { names: NAMES, slots }
}

const here = (...slots: readonly number[]) => slots.map((slot) => row(slot, 'here'))

test('slots move in groups from where they are, and those that are there already stay', (t) => {
  const plan = planMove(view(here(0, 1, 2, 3), here(4, 5), here(6)), [0, 1, 2, 4, 6], 2, 2)
  t.deepEqual(plan, {
    moves: [
      { source: 0, slots: [0, 1] },
      { source: 0, slots: [2] },
      { source: 1, slots: [4] },
    ],
    clears: [],
  })
})

test('a move that broke off comes first, whole, whatever the size of groups now', (t) => {
  const source = [row(0, 'here'), row(1, 'copying', 'b/db'), row(2, 'copying', 'b/db'), row(3, 'copying', 'b/db')]
  const target = [1, 2, 3].map((slot) => row(slot, 'arriving', 'a/db'))
  const { moves } = planMove(view(source, target, []), [0, 1, 2, 3], 1, 1)
  t.deepEqual(moves, [
    { source: 0, slots: [1, 2, 3] },
    { source: 0, slots: [0] },
  ])
})

test('slots that were handed over but not taken are finished from the database that they left', (t) => {
  const older = [row(1, 'away', 'b/db', true)]
  const plan = planMove(view(older, [row(1, 'away', 'c/db')], [row(1, 'arriving', 'b/db')]), [1], 2, 8)
  t.deepEqual(plan.moves, [{ source: 1, slots: [1] }])
})

test('old rows that a killed run has left are deleted', (t) => {
  const source = [row(1, 'away', 'b/db'), row(2, 'away', 'b/db', true)]
  const plan = planMove(view(source, here(1, 2), []), [1, 2], 1, 8)
  t.deepEqual(plan, { moves: [], clears: [{ source: 0, slots: [1] }] })
})

test('slots on their way somewhere else, and slots that are nowhere, are refused', (t) => {
  const underWay = view([row(1, 'copying', 'b/db')], [row(1, 'arriving', 'a/db')], [])
  const error = t.throws(() => planMove(underWay, [1], 2, 8), { instanceOf: SlotMoveError })
  t.is(error.message, 'Slot 1 is on its way to b/db: finish or abort that move first')
  t.throws(() => planMove(view([], [], []), [1], 2, 8), { message: /^Slot 1 is in none of these databases/ })
})

test('only what is on its way to the database is given back', (t) => {
  const source = [row(0, 'here'), row(1, 'leaving', 'b/db'), row(2, 'here'), row(3, 'copying', 'c/db')]
  const plan = planAbort(
    view(source, [row(1, 'arriving', 'a/db'), row(2, 'arriving', 'a/db')], [row(3, 'arriving', 'a/db')]),
    [0, 1, 2, 3],
    1,
  )
  t.deepEqual(plan, [{ source: 0, slots: [1, 2] }])
})

test('slots and databases are read as people write them, and nothing else is', (t) => {
  t.deepEqual(parseSlots('5'), [5])
  t.deepEqual(parseSlots('1022-1023'), [1022, 1023])
  for (const wrong of ['', 'x', '-1', '5-4', '1024', '0-1024', '1,2']) {
    t.throws(() => parseSlots(wrong), { instanceOf: SlotMoveError, message: /are no slots/ })
  }
  t.is(parseTarget(NAMES, '2'), 1)
  t.is(parseTarget(NAMES, 'c/db'), 2)
  for (const wrong of ['0', '4', 'd/db', '']) {
    t.throws(() => parseTarget(NAMES, wrong), {
      message: `"${wrong}" is none of the databases: 1 (a/db), 2 (b/db), 3 (c/db)`,
    })
  }
  t.is(shortSlots([3, 1, 2, 9]), '1-3, 9')
})
