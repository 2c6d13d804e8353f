import type { Pool } from 'pg'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'

/** How many key boxes of a database name a master key. */
export interface KeyBoxCount {
  readonly masterKeyId: Uint8Array
  readonly boxes: number
}

/** How many key boxes there are under each master key. What slots leave behind, or bring, on a move does not count. */
export async function countKeyBoxes(pool: Pool): Promise<readonly KeyBoxCount[]> {
  const { rows } = await pool.query<{ master_key_id: Buffer; boxes: string }>(
    `SELECT master_key_id, count(*) AS boxes FROM hosted_key_boxes
     WHERE NOT EXISTS (SELECT FROM slots WHERE state IN ('away', 'arriving'))
       OR slot_of(user_id) NOT IN (SELECT slot FROM slots WHERE state IN ('away', 'arriving'))
     GROUP BY master_key_id ORDER BY master_key_id`,
  )
  return rows.map((row) => ({ masterKeyId: row.master_key_id, boxes: Number(row.boxes) }))
}

/** The devices of a database that have a store, by address, from the one after `after` on. */
export async function listHostedDevices(
  pool: Pool,
  after: Address | undefined,
  limit: number,
): Promise<readonly Address[]> {
  const { rows } = await pool.query<{ user_id: string; device: number }>(
    `SELECT user_id, device FROM hosted_key_boxes WHERE (user_id, device) > ($1, $2)
     GROUP BY user_id, device ORDER BY user_id, device LIMIT $3`,
    [after?.user ?? 0, after?.device ?? 0, limit],
  )
  return rows.map((row) => ({ user: Number(row.user_id) as UserId, device: row.device as DeviceId }))
}
