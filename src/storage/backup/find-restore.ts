import type { Pool } from 'pg'

/** That a database was restored from a back-up, in ms since 1970; zeros: it never was. */
export interface Restore {
  readonly restoredAt: number
  /** What was stored after this time is lost. */
  readonly restoredTo: number
}

const NEVER: Restore = { restoredAt: 0, restoredTo: 0 }

/** The last time that it was. */
export async function findRestore(pool: Pool): Promise<Restore> {
  const { rows } = await pool.query<Restore>(`
    SELECT floor(extract(epoch FROM restored_at) * 1000)::float8 AS "restoredAt",
      floor(extract(epoch FROM restored_to) * 1000)::float8 AS "restoredTo"
    FROM restores ORDER BY restored_at DESC LIMIT 1`)
  return rows[0] ?? NEVER
}
