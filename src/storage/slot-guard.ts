import { setTimeout as delay } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { SLOTS } from './shards.ts'
import { isServed } from './slot-row.ts'
import type { SlotState } from './slot-row.ts'
import type { UserTable } from './slot-tables.ts'

/**
 * Changes what a database says of its slots, and with it, in the same transaction, the triggers that hold it true:
 *
 * - the guard refuses every write to a row of a slot that the database does not serve (SQLSTATE PA001)
 * - the log notes the keys of rows that are written while their slot is copied
 *
 * The slots stand in the conditions of the triggers themselves, as bits. To replace a trigger PostgreSQL waits for every
 * transaction that writes to the table and holds up new ones. So from the commit on no statement goes by the old state:
 * no snapshot, prepared statement or isolation level of a node can get around it. A database that has lost no slot has no
 * triggers.
 */
export interface SlotChange {
  readonly slots: readonly number[]
  /** The states that they must be in; null: no row. */
  readonly from: readonly (SlotState | null)[]
  /** Null: the row goes. */
  readonly to: SlotState | null
  readonly peer: string
}

/** Slots were not in the state that a change expects: somebody else changes them. */
class SlotStateError extends Error {
  override readonly name = 'SlotStateError'
}

/** Writers of a table are held up no longer than this by one attempt. The later ones are longer. */
const LOCK_TIMEOUT_MS = { first: 100, growth: 1.2, most: 2_000 }
const MAX_ATTEMPTS = 100
const PAUSE_MS = 100
/** Longer than PostgreSQL takes to end an autovacuum that is in the way of somebody (`deadlock_timeout`, 1 s). */
const VACUUM_TIMEOUT_MS = 10_000

/** @throws SlotStateError when the slots are in other states than expected */
export async function changeSlots(client: ClientBase, tables: readonly UserTable[], change: SlotChange): Promise<void> {
  await guarded(client, tables, async () => {
    await changeRows(client, change)
    await client.query('UPDATE slot_version SET version = version + 1')
    const states = await readStates(client)
    if ([...states.values()].some((state) => !isServed(state)) || (await isGuarded(client))) {
      const refused = maskOf((slot) => !isServed(states.get(slot) ?? 'away'))
      for (const table of tables) await guardTable(client, table, refused)
    }
    if (change.to === 'copying') {
      await client.query('TRUNCATE slot_changes')
      const copied = maskOf((slot) => states.get(slot) === 'copying')
      for (const table of tables) await logTable(client, table, copied)
    }
  })
}

/** Changes states whose triggers stay as they are: nobody is held up. */
export async function changeStates(client: ClientBase, change: SlotChange): Promise<void> {
  await client.query('BEGIN')
  try {
    await changeRows(client, change)
    await client.query('UPDATE slot_version SET version = version + 1')
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** Drops the triggers that nothing needs any more. */
export async function tidyTriggers(client: ClientBase, tables: readonly UserTable[]): Promise<void> {
  const states = [...(await readStates(client)).values()]
  const unneeded = [
    ...(states.every((state) => state !== 'copying' && state !== 'leaving') ? ['slot_log', 'slot_log_delete'] : []),
    ...(states.every(isServed) ? ['slot_guard', 'slot_guard_delete'] : []),
  ]
  const { rows } = await client.query<{ table: string; trigger: string }>(
    `SELECT tgrelid::regclass::text AS table, tgname AS trigger FROM pg_trigger
     WHERE tgname = ANY ($1) AND tgrelid = ANY ($2::text[]::regclass[])`,
    [unneeded, tables.map(({ name }) => name)],
  )
  for (const { table, trigger } of rows) {
    const dropped = tables.filter(({ name }) => name === table)
    await guarded(client, dropped, async () => {
      await client.query(`DROP TRIGGER ${trigger} ON ${table}`)
    })
  }
}

async function changeRows(client: ClientBase, { slots, from, to, peer }: SlotChange): Promise<void> {
  const { rows } = await client.query<{ slot: number; state: SlotState }>(
    'SELECT slot, state FROM slots WHERE slot = ANY ($1::smallint[]) FOR UPDATE',
    [slots],
  )
  const states = new Map(rows.map(({ slot, state }) => [slot, state]))
  for (const slot of slots) {
    const state = states.get(slot) ?? null
    if (from.includes(state)) continue
    throw new SlotStateError(`Slot ${slot} is ${state ?? 'unknown'} where it should be ${from.join(' or ')}`)
  }
  if (to === null) {
    await client.query('DELETE FROM slots WHERE slot = ANY ($1::smallint[])', [slots])
    return
  }
  await client.query(
    `INSERT INTO slots (slot, state, peer) SELECT slot, $2, $3 FROM unnest($1::smallint[]) AS slot
     ON CONFLICT (slot) DO UPDATE SET state = excluded.state, peer = excluded.peer, cleared = false, changed_at = now()`,
    [slots, to, to === 'here' ? null : peer],
  )
}

async function readStates(client: ClientBase): Promise<ReadonlyMap<number, SlotState>> {
  const { rows } = await client.query<{ slot: number; state: SlotState }>('SELECT slot, state FROM slots')
  return new Map(rows.map(({ slot, state }) => [slot, state]))
}

async function isGuarded(client: ClientBase): Promise<boolean> {
  const { rowCount } = await client.query(`SELECT FROM pg_trigger WHERE tgname = 'slot_guard' LIMIT 1`)
  return rowCount === 1
}

async function guardTable(client: ClientBase, { name }: UserTable, mask: string): Promise<void> {
  const on = (row: string) =>
    `ON ${name} FOR EACH ROW WHEN (get_bit(${mask}, slot_of(${row}.user_id)) = 1) EXECUTE FUNCTION refuse_row_of_slot()`
  await client.query(`CREATE OR REPLACE TRIGGER slot_guard BEFORE INSERT OR UPDATE ${on('NEW')}`)
  await client.query(`CREATE OR REPLACE TRIGGER slot_guard_delete BEFORE DELETE ${on('OLD')}`)
}

async function logTable(client: ClientBase, { name, key }: UserTable, mask: string): Promise<void> {
  const columns = key.map((column) => `($1).${column.name}::text`).join(', ')
  const on = (row: string) =>
    `ON ${name} FOR EACH ROW WHEN (get_bit(${mask}, slot_of(${row}.user_id)) = 1) ` +
    `EXECUTE FUNCTION log_row_of_slot('${columns}')`
  await client.query(`CREATE OR REPLACE TRIGGER slot_log AFTER INSERT OR UPDATE ${on('NEW')}`)
  await client.query(`CREATE OR REPLACE TRIGGER slot_log_delete AFTER DELETE ${on('OLD')}`)
}

/** The slots as bits, in the order of PostgreSQL's get_bit. */
function maskOf(includes: (slot: number) => boolean): string {
  const bytes = Buffer.alloc(SLOTS / 8)
  for (let slot = 0; slot < SLOTS; slot++) {
    if (includes(slot)) bytes[slot >> 3]! |= 1 << (slot & 7)
  }
  return `'\\x${bytes.toString('hex')}'::bytea`
}

/** SQLSTATE: a lock was not to be had in time, or two waited for each other. */
const RETRIED = new Set(['55P03', '40P01'])

/**
 * Runs a transaction that locks tables against writers, again and again for short times until it gets them. A vacuum is
 * waited for first, by a lock that holds up no writer.
 */
async function guarded(client: ClientBase, tables: readonly UserTable[], work: () => Promise<void>): Promise<void> {
  const names = tables.map(({ name }) => name).join(', ')
  const { first, growth, most } = LOCK_TIMEOUT_MS
  for (let attempt = 1; ; attempt++) {
    await client.query('BEGIN')
    try {
      await client.query(`SET LOCAL lock_timeout = ${VACUUM_TIMEOUT_MS}`)
      await client.query(`LOCK TABLE ${names} IN SHARE UPDATE EXCLUSIVE MODE`)
      await client.query(`SET LOCAL lock_timeout = ${Math.min(most, Math.round(first * growth ** attempt))}`)
      await client.query(`LOCK TABLE ${names} IN SHARE ROW EXCLUSIVE MODE`)
      await work()
      await client.query('COMMIT')
      return
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined)
      const { code } = error as { code?: string }
      if (!RETRIED.has(code ?? '') || attempt === MAX_ATTEMPTS) throw error
    }
    await delay(PAUSE_MS)
  }
}
