import type { ClientBase, Pool } from 'pg'

/**
 * What a database says of a slot:
 * - `here`: it serves it
 * - `copying`: it serves it, while its rows are copied to the peer
 * - `leaving`: its rows are frozen
 * - `away`: the peer has it; its rows here are deleted once every node knows
 * - `arriving`: the peer copies it to here
 */
export type SlotState = 'here' | 'copying' | 'leaving' | 'away' | 'arriving'

export interface SlotRow {
  readonly slot: number
  readonly state: SlotState
  /** The other database of a move, as host/database. */
  readonly peer: string | null
  /** Of a slot that is away: no row of it is left. */
  readonly cleared: boolean
}

/** All that a database says of slots, at a version that grows with every change. */
export interface SlotRows {
  readonly version: string
  readonly rows: readonly SlotRow[]
}

/** In one statement, so that version and rows belong together; the rows come only if the version is another one. */
const READ = `
  SELECT v.version, CASE WHEN v.version <> $1 THEN (
    SELECT coalesce(json_agg(json_build_object('slot', slot, 'state', state, 'peer', peer, 'cleared', cleared)), '[]')
    FROM slots
  ) END AS rows
  FROM slot_version v`

/** Before any version of a database. */
const NO_VERSION = '-1'

/** Reads the slots of a database; undefined: they are those of `version` still. */
export async function readSlotChanges(
  database: Pool | ClientBase,
  version: string,
  queryTimeoutMs?: number,
): Promise<SlotRows | undefined> {
  const query = {
    name: 'slots',
    text: READ,
    values: [version],
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
  }
  const { rows } = await database.query<{ version: string; rows: SlotRow[] | null }>(query)
  const [found] = rows
  return found?.rows ? { version: found.version, rows: found.rows } : undefined
}

export async function readSlots(database: Pool | ClientBase): Promise<SlotRows> {
  const found = await readSlotChanges(database, NO_VERSION)
  if (found === undefined) throw new Error('The table slot_version is empty')
  return found
}

export function isServed(state: SlotState): boolean {
  return state === 'here' || state === 'copying'
}
