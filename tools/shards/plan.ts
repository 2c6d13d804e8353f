import { SLOTS } from '../../src/storage/shards.ts'
import { slotRanges } from '../../src/storage/slot-map.ts'
import { SlotMoveError } from '../../src/storage/slot-move.ts'
import type { SlotRow } from '../../src/storage/slot-row.ts'

/** What the databases say, by place. */
export interface SetView {
  /** As host/database. */
  readonly names: readonly string[]
  readonly slots: readonly (readonly SlotRow[])[]
}

/** Slots that one database gives to another together. */
export interface MoveGroup {
  readonly source: number
  readonly slots: readonly number[]
}

export interface MovePlan {
  /** In this order; first those on which an earlier run broke off. */
  readonly moves: readonly MoveGroup[]
  /** Moved before, and their old rows are still there. */
  readonly clears: readonly MoveGroup[]
}

/**
 * What is left to do until the target has all these slots.
 * @param together - slots a group
 * @throws SlotMoveError when one of them is on its way somewhere else
 */
export function planMove(view: SetView, slots: readonly number[], target: number, together: number): MovePlan {
  const places = slots.map((slot) => placeOf(view, slot))
  for (const { slot, arrivingAt, holder } of places) {
    const elsewhere = arrivingAt !== undefined && arrivingAt !== target
    if (!elsewhere && (holder !== undefined || arrivingAt !== undefined)) continue
    const state = elsewhere ? `is on its way to ${view.names[arrivingAt]}` : 'is in none of these databases'
    throw new SlotMoveError(`Slot ${slot} ${state}: finish or abort that move first`)
  }
  const handedOver = places.filter(({ holder }) => holder === undefined)
  const toMove = places.filter(({ holder }) => holder !== undefined && holder !== target)
  const begun = toMove.filter(({ arrivingAt }) => arrivingAt === target)
  const fresh = toMove.filter(({ arrivingAt }) => arrivingAt === undefined)
  return {
    moves: [
      ...bySource(handedOver, (place) => place.comesFrom),
      ...bySource(begun, (place) => place.holder),
      ...bySource(fresh, (place) => place.holder).flatMap((group) => inParts(group, together)),
    ],
    clears: bySource(
      places.filter(({ holder, leftAt }) => holder === target && leftAt !== undefined),
      (place) => place.leftAt,
    ),
  }
}

/** What of these slots is on its way to the target, and can be given back. */
export function planAbort(view: SetView, slots: readonly number[], target: number): readonly MoveGroup[] {
  const places = slots.map((slot) => placeOf(view, slot)).filter(({ arrivingAt }) => arrivingAt === target)
  return bySource(places, ({ holder, comesFrom }) => holder ?? comesFrom)
}

/** Reads `5` or `0-511`. @throws SlotMoveError */
export function parseSlots(text: string): readonly number[] {
  const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(text)
  const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])]
  if (match === null || from > to || to >= SLOTS) {
    throw new SlotMoveError(`"${text}" are no slots: give one number, or a range such as 0-511, of 0 to ${SLOTS - 1}`)
  }
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** Reads a place (1, 2, …) or a name as host/database. @throws SlotMoveError */
export function parseTarget(names: readonly string[], text: string): number {
  const index = /^\d+$/.test(text) ? Number(text) - 1 : names.indexOf(text)
  if (names[index] !== undefined) return index
  const known = names.map((name, i) => `${i + 1} (${name})`).join(', ')
  throw new SlotMoveError(`"${text}" is none of the databases: ${known}`)
}

interface Place {
  readonly slot: number
  readonly holder: number | undefined
  readonly arrivingAt: number | undefined
  /** Of a slot that arrives. */
  readonly comesFrom: number | undefined
  /** Its rows are still there, too. */
  readonly leftAt: number | undefined
}

function placeOf({ names, slots }: SetView, slot: number): Place {
  const rows = slots.map((one) => one.find((row) => row.slot === slot))
  const find = (matches: (row: SlotRow) => boolean): number | undefined => {
    const index = rows.findIndex((row) => row !== undefined && matches(row))
    return index === -1 ? undefined : index
  }
  const arrivingAt = find(({ state }) => state === 'arriving')
  const peer = arrivingAt === undefined ? undefined : rows[arrivingAt]?.peer
  const comesFrom = names.findIndex((name) => name === peer)
  return {
    slot,
    holder: find(({ state }) => state === 'here' || state === 'copying' || state === 'leaving'),
    arrivingAt,
    comesFrom: comesFrom === -1 ? undefined : comesFrom,
    leftAt: find(({ state, cleared }) => state === 'away' && !cleared),
  }
}

function bySource(places: readonly Place[], sourceOf: (place: Place) => number | undefined): readonly MoveGroup[] {
  const groups = Map.groupBy(places, sourceOf)
  return [...groups].map(([source, group]) => {
    if (source === undefined) {
      throw new SlotMoveError(`Slot ${group[0]!.slot} comes from a database that DATABASE_URLS does not name`)
    }
    return { source, slots: group.map(({ slot }) => slot) }
  })
}

function inParts({ source, slots }: MoveGroup, together: number): readonly MoveGroup[] {
  const parts: MoveGroup[] = []
  for (let i = 0; i < slots.length; i += together) parts.push({ source, slots: slots.slice(i, i + together) })
  return parts
}

/** `0-511, 600`: short, for a table. */
export function shortSlots(slots: readonly number[]): string {
  return slotRanges(slots)
    .map(([from, to]) => (from === to ? String(from) : `${from}-${to}`))
    .join(', ')
}
