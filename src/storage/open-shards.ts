import type { ClientBase } from 'pg'
import { StartError } from '../shared/start-error.ts'
import type { Database } from './database.ts'
import { evenSlots, Shards, SLOTS } from './shards.ts'
import { checkSlots, SlotMapError } from './slot-map.ts'
import { readSlots } from './slot-row.ts'
import type { SlotRows } from './slot-row.ts'
import { instant, SlotWatch } from './slot-watch.ts'
import type { SlotWatchEvents } from './slot-watch.ts'

/** Advisory lock of the node that writes down who holds which slot. */
const SLOTS_LOCK = 7_270_003
/** Once in the life of a set its users are looked through. */
const CHECK_TIMEOUT_MS = 3_600_000

export interface OpenShards {
  readonly shards: Shards<Database>
  readonly watch: SlotWatch
}

/**
 * Finds out which of the databases holds which slot. In a fresh set the slots are first spread evenly, in the order
 * given; later that order says nothing any more.
 * @throws StartError when a slot is held by none or several
 */
export async function openShards(databases: readonly Database[], events: SlotWatchEvents): Promise<OpenShards> {
  await spreadSlots(databases)
  const askedAt = instant()
  const first = await Promise.all(databases.map(({ pool }) => readSlots(pool)))
  try {
    checkSlots(
      first.map(({ rows }) => rows),
      databases.map(({ name }) => name),
    )
  } catch (error) {
    if (error instanceof SlotMapError) throw new StartError(error.message)
    throw error
  }
  const watch = new SlotWatch(databases, first, askedAt, events)
  return { shards: new Shards(databases, watch), watch }
}

/** Writes the even split down, unless the databases hold slots already. */
async function spreadSlots(databases: readonly Database[]): Promise<void> {
  const client = await databases[0]!.pool.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [SLOTS_LOCK])
    try {
      const found = await Promise.all(databases.map(({ pool }) => readSlots(pool)))
      if (!isFreshSet(found)) return
      for (const [index, database] of databases.entries()) await checkUsers(database, index, databases.length)
      // The first database is the last to be written, so that a start that broke off is seen, and made good.
      for (const [index, { pool }] of [...databases.entries()].slice(1).toReversed()) {
        const other = await pool.connect()
        try {
          await writeShare(other, index, databases.length)
        } finally {
          other.release()
        }
      }
      await writeShare(client, 0, databases.length)
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [SLOTS_LOCK])
    }
  } finally {
    client.release()
  }
}

/** Nothing is written down, or only a part of the even split. */
function isFreshSet(found: readonly SlotRows[]): boolean {
  if (found[0]!.rows.length > 0) return false
  return found.every(({ rows }, index) => {
    if (rows.length === 0) return true
    const share = shareOf(index, found.length)
    const slots = new Set(rows.map(({ slot }) => slot))
    return (
      rows.every(({ state }) => state === 'here') && slots.size === share.length && share.every((one) => slots.has(one))
    )
  })
}

/** Users from before slots were written down lie where the same split had put them, if the databases are still the same. */
async function checkUsers(database: Database, index: number, count: number): Promise<void> {
  if (count === 1) return
  const query = {
    text: 'SELECT FROM users WHERE slot_of(user_id) <> ALL ($1::integer[]) LIMIT 1',
    values: [shareOf(index, count)],
    query_timeout: CHECK_TIMEOUT_MS,
  }
  if ((await database.pool.query(query)).rowCount === 0) return
  throw new StartError(
    `The database ${database.name} holds users of other slots than its share of ${count} databases: start once with ` +
      'the databases that were used before, and then with the new ones',
  )
}

async function writeShare(client: ClientBase, index: number, count: number): Promise<void> {
  const share = shareOf(index, count)
  await client.query(
    `WITH written AS (
      INSERT INTO slots (slot, state) SELECT slot, 'here' FROM unnest($1::smallint[]) slot ON CONFLICT DO NOTHING
    ) UPDATE slot_version SET version = version + 1`,
    [share],
  )
}

function shareOf(index: number, count: number): number[] {
  const { homeOf } = evenSlots(count)
  return Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => homeOf(slot) === index)
}
