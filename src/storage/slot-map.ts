import { SLOTS } from './shards.ts'
import { isServed } from './slot-row.ts'
import type { SlotRow } from './slot-row.ts'

/** A slot that nobody has, or more than one. */
export class SlotMapError extends Error {
  override readonly name = 'SlotMapError'
}

/** Who holds which slot, by what each database says of itself. Pure. */
export class SlotMap {
  readonly #homes = new Int16Array(SLOTS)
  readonly #moving = new Uint8Array(SLOTS)

  /** The place of the database that holds the slot, or held it last. */
  homeOf(slot: number): number {
    return this.#homes[slot]!
  }

  isMoving(slot: number): boolean {
    return this.#moving[slot] === 1
  }

  /**
   * Takes what every database says, by place. A slot is served by the one database that says so, and else moves.
   * @returns whether anything changed
   */
  update(views: readonly (readonly SlotRow[])[]): boolean {
    const claims = new Uint8Array(SLOTS)
    const homes = this.#homes.slice()
    for (const [database, rows] of views.entries()) {
      for (const { slot, state } of rows) {
        if (state === 'leaving') homes[slot] = database
        if (isServed(state)) claims[slot]!++
      }
    }
    for (const [database, rows] of views.entries()) {
      for (const { slot, state } of rows) if (isServed(state) && claims[slot] === 1) homes[slot] = database
    }
    let changed = false
    for (let slot = 0; slot < SLOTS; slot++) {
      const moving = claims[slot] === 1 ? 0 : 1
      if (moving === this.#moving[slot] && homes[slot] === this.#homes[slot]) continue
      changed = true
      this.#moving[slot] = moving
      this.#homes[slot] = homes[slot]!
    }
    return changed
  }
}

/**
 * Checks that every slot is held by one database, or moves from one to another of them.
 * @param names - of the databases, for people
 * @throws SlotMapError with one line for people
 */
export function checkSlots(views: readonly (readonly SlotRow[])[], names: readonly string[]): void {
  const held: string[][] = Array.from({ length: SLOTS }, () => [])
  const moving = new Set<number>()
  const away = new Map<number, string>()
  for (const [database, rows] of views.entries()) {
    for (const { slot, state, peer } of rows) {
      if (isServed(state) || state === 'leaving') held[slot]!.push(names[database]!)
      else if (state === 'arriving') moving.add(slot)
      else if (peer !== null) away.set(slot, peer)
    }
  }
  const several = held.findIndex((holders) => holders.length > 1)
  if (several !== -1) {
    throw new SlotMapError(`Slot ${several} is held by ${held[several]!.join(' and by ')}: one of them must give it up`)
  }
  const missing = held.flatMap((holders, slot) => (holders.length === 0 && !moving.has(slot) ? [slot] : []))
  const [first] = missing
  if (first === undefined) return
  const peer = away.get(first)
  const where = peer === undefined ? '' : `; the last that is known of slot ${first} is that it moved to ${peer}`
  throw new SlotMapError(`No database of DATABASE_URLS holds ${formatSlots(missing)}: is one of them missing?${where}`)
}

/** `slot 5`, `slots 0-511 and 600`, for people. */
export function formatSlots(slots: readonly number[]): string {
  const ranges = slotRanges(slots).map(([from, to]) => (from === to ? String(from) : `${from}-${to}`))
  const last = ranges.pop() ?? 'none'
  return `${slots.length === 1 ? 'slot' : 'slots'} ${ranges.length === 0 ? last : `${ranges.join(', ')} and ${last}`}`
}

/** Neighbours together: first and last of each run. */
export function slotRanges(slots: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = []
  for (const slot of slots.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === slot - 1) last[1] = slot
    else ranges.push([slot, slot])
  }
  return ranges
}
