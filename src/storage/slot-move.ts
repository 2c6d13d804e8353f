import { setTimeout as delay } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { copyChanges, copySlots, deleteSlots } from './slot-copy.ts'
import type { CopyListener } from './slot-copy.ts'
import { changeSlots, changeStates, tidyTriggers } from './slot-guard.ts'
import type { SlotRow, SlotState } from './slot-row.ts'
import { readSlots } from './slot-row.ts'
import { findUserTables } from './slot-tables.ts'
import type { UserTable } from './slot-tables.ts'
import { SLOTS_VALID_MS } from './slot-watch.ts'

/** A database, by one connection that only the move uses. */
export interface MoveEnd {
  /** As host/database. */
  readonly name: string
  readonly client: ClientBase
}

/** What a move has just written down, in order. A move that broke off goes on from there. */
export type MoveStep = 'arriving' | 'copying' | 'copied' | 'frozen' | 'synced' | 'away' | 'moved' | 'cleared'

export interface MoveListener extends CopyListener {
  step(step: MoveStep, slots: readonly number[]): void | Promise<void>
}

export interface MoveResult {
  /** Rows of the first copy; 0 when an earlier run had made it. */
  readonly rows: number
  /** Rows that were written meanwhile, and so copied again. */
  readonly changes: number
  /** How long nobody served the slots; undefined when an earlier run had frozen them. */
  readonly frozenMs: number | undefined
}

/** Advisory lock of a database that takes part in a move. */
const MOVE_LOCK = 7_270_004
/** Beyond what a node believes without looking. */
const FREEZE_MS = SLOTS_VALID_MS + 500
/** From the move to the deletion of the old rows: three times as long as a node believes without looking. */
const CLEAR_AFTER_MS = 3 * SLOTS_VALID_MS
/** So few rows may be left to copy in the freeze; after some rounds, any number. */
const FEW_CHANGES = 500
const MAX_ROUNDS = 20

/**
 * Moves slots from one database to another while both are in use. What is done is written down in both, in an order in
 * which no moment has two databases that serve a slot:
 *
 * | source  | target   | nodes                                                    |
 * | ------- | -------- | -------------------------------------------------------- |
 * | here    | arriving | the source serves                                        |
 * | copying | arriving | the source serves, and logs which rows change            |
 * | leaving | arriving | nobody serves: the last changes are copied and compared  |
 * | away    | arriving | nobody serves                                            |
 * | away    | here     | the target serves; the old rows are deleted some time on |
 *
 * Up to `leaving` a move that broke off starts over, or is undone; from `away` on it is finished.
 */
export class SlotMove {
  readonly #source: MoveEnd
  readonly #target: MoveEnd
  readonly #listener: MoveListener
  readonly #tables: readonly UserTable[]

  private constructor(source: MoveEnd, target: MoveEnd, listener: MoveListener, tables: readonly UserTable[]) {
    this.#source = source
    this.#target = target
    this.#listener = listener
    this.#tables = tables
  }

  /**
   * Takes both databases for itself, as long as their connections last.
   * @throws SlotMoveError when another move has one of them, or their tables differ
   */
  static async open(source: MoveEnd, target: MoveEnd, listener: MoveListener): Promise<SlotMove> {
    for (const { name, client } of [source, target]) {
      await client.query(`SET parley.moving = 'on'`)
      const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [MOVE_LOCK])
      if (rows[0]?.locked !== true) throw new SlotMoveError(`Another move is under way in ${name}`)
    }
    const [tables, others] = await Promise.all([findUserTables(source.client), findUserTables(target.client)])
    if (JSON.stringify(tables.map(shapeOf)) !== JSON.stringify(others.map(shapeOf))) {
      throw new SlotMoveError(
        `The tables of ${source.name} and ${target.name} differ: start a node with both in DATABASE_URLS first`,
      )
    }
    return new SlotMove(source, target, listener, tables)
  }

  /** Lets both databases go. */
  async close(): Promise<void> {
    for (const { client } of [this.#source, this.#target]) {
      await client.query('SELECT pg_advisory_unlock($1)', [MOVE_LOCK])
      await client.query('RESET parley.moving')
    }
  }

  /**
   * Moves the slots, or goes on with a move that broke off. A failure before they are away gives them back to the source.
   * @throws SlotMoveError when they are in no state to be moved
   */
  async run(slots: readonly number[]): Promise<MoveResult> {
    const { source, target } = await this.#states(slots)
    if (source === 'away' && target === 'arriving') {
      await this.#arrive(slots)
      return { rows: 0, changes: 0, frozenMs: undefined }
    }
    await this.#requireAlone(slots)
    await this.#prepare(slots, target)
    try {
      return await this.#copyAndHandOver(slots)
    } catch (error) {
      await this.#giveBack(slots)
      throw error
    }
  }

  /** Gives slots on the way back to the source and deletes what was copied. @throws SlotMoveError when they have moved */
  async abort(slots: readonly number[]): Promise<void> {
    const { source, target } = await this.#states(slots)
    if (target !== 'arriving' || source === 'away' || source === undefined) {
      throw new SlotMoveError('Slots that are away already cannot be given back: finish the move, then move them back')
    }
    if (source !== 'here') await this.#change(this.#source, slots, ['copying', 'leaving'], 'here')
    await this.#tidy()
    await deleteSlots(this.#target.client, this.#tables, slots)
    await changeStates(this.#target.client, { slots, from: ['arriving'], to: null, peer: this.#source.name })
    await this.#tidy()
  }

  /**
   * Deletes the rows that moved slots have left at the source, as soon as every node must know that they moved.
   * @param movedMs - how long ago they moved, at least
   * @returns how many rows
   */
  async clear(slots: readonly number[], movedMs: number): Promise<number> {
    const { source, target } = await this.#states(slots)
    if (source !== 'away' || target !== 'here') throw new SlotMoveError('Only rows of slots that moved can be deleted')
    await delay(Math.max(0, CLEAR_AFTER_MS - movedMs))
    // The log of changes must not note these deletes.
    await this.#tidy()
    const { client } = this.#source
    const rows = await deleteSlots(client, this.#tables, slots)
    await client.query('UPDATE slots SET cleared = true WHERE slot = ANY ($1::smallint[])', [slots])
    await this.#listener.step('cleared', slots)
    return rows
  }

  async #prepare(slots: readonly number[], target: SlotState | undefined): Promise<void> {
    // What an earlier attempt or an earlier stay has left there would be taken for this copy.
    const fresh = target === undefined
    if (target !== 'arriving') await this.#change(this.#target, slots, [null, 'away'], 'arriving')
    if (!fresh) await deleteSlots(this.#target.client, this.#tables, slots)
    await this.#listener.step('arriving', slots)
    await this.#change(this.#source, slots, ['here', 'copying', 'leaving'], 'copying')
    await this.#listener.step('copying', slots)
  }

  async #copyAndHandOver(slots: readonly number[]): Promise<MoveResult> {
    const ends = { source: this.#source.client, target: this.#target.client, tables: this.#tables, slots }
    const rows = await copySlots(ends, this.#listener)
    await this.#listener.step('copied', slots)
    let changes = 0
    for (let round = 1, some = Infinity; some > FEW_CHANGES && round <= MAX_ROUNDS; round++) {
      some = await copyChanges(ends, this.#listener)
      changes += some
    }
    const frozenFrom = performance.now()
    await this.#change(this.#source, slots, ['copying'], 'leaving')
    const surelyFrozen = delay(FREEZE_MS)
    await this.#listener.step('frozen', slots)
    changes += await copyChanges(ends, this.#listener)
    await this.#listener.step('synced', slots)
    await surelyFrozen
    await changeStates(this.#source.client, { slots, from: ['leaving'], to: 'away', peer: this.#target.name })
    await this.#listener.step('away', slots)
    await this.#arrive(slots)
    return { rows, changes, frozenMs: performance.now() - frozenFrom }
  }

  async #arrive(slots: readonly number[]): Promise<void> {
    await this.#change(this.#target, slots, ['arriving'], 'here')
    await this.#listener.step('moved', slots)
  }

  /** After a failure: the source serves again, if it still may. */
  async #giveBack(slots: readonly number[]): Promise<void> {
    const change = { slots, from: ['copying', 'leaving'], to: 'here', peer: this.#target.name } as const
    // The error that led here says more than that this failed too; the next run starts over.
    await changeSlots(this.#source.client, this.#tables, change).catch(() => undefined)
  }

  #change(end: MoveEnd, slots: readonly number[], from: readonly (SlotState | null)[], to: SlotState): Promise<void> {
    const peer = end === this.#source ? this.#target.name : this.#source.name
    return changeSlots(end.client, this.#tables, { slots, from, to, peer })
  }

  async #tidy(): Promise<void> {
    for (const { client } of [this.#source, this.#target]) await tidyTriggers(client, this.#tables)
  }

  /** The state of the slots at both ends, which they share. */
  async #states(slots: readonly number[]): Promise<{ source: SlotState | undefined; target: SlotState | undefined }> {
    const [source, target] = await Promise.all([this.#stateAt(this.#source, slots), this.#stateAt(this.#target, slots)])
    return { source, target }
  }

  async #stateAt({ client, name }: MoveEnd, slots: readonly number[]): Promise<SlotState | undefined> {
    const byState = Map.groupBy(slots, stateFinder((await readSlots(client)).rows))
    // Slots that were there once come in as those that never were.
    if (byState.has('away')) byState.delete(undefined)
    const [state, ...others] = byState.keys()
    if (others.length > 0) {
      throw new SlotMoveError(`The slots are in several states in ${name}: ${[state, ...others].join(', ')}`)
    }
    return state
  }

  /** The log of changes serves one move at a time. */
  async #requireAlone(slots: readonly number[]): Promise<void> {
    const mine = new Set(slots)
    for (const { client, name } of [this.#source, this.#target]) {
      const { rows } = await readSlots(client)
      const other = rows.find(({ slot, state }) => isUnderWay(state) && !mine.has(slot))
      if (other === undefined) continue
      throw new SlotMoveError(
        `In ${name} slot ${other.slot} is ${other.state} (${other.peer}): finish or abort that move first`,
      )
    }
  }
}

/** Slots that cannot be moved as asked, in one line for people. */
export class SlotMoveError extends Error {
  override readonly name = 'SlotMoveError'
}

function isUnderWay(state: SlotState): boolean {
  return state === 'copying' || state === 'leaving' || state === 'arriving'
}

function stateFinder(rows: readonly SlotRow[]): (slot: number) => SlotState | undefined {
  const states = new Map(rows.map(({ slot, state }) => [slot, state]))
  return (slot) => states.get(slot)
}

/** Databases of one schema have the same columns, be it in another order. */
function shapeOf({ name, columns, key }: UserTable): object {
  return { name, columns: columns.toSorted(), key }
}
