import type { ClientBase } from 'pg'

/** A table of user data: its primary key begins with `user_id`. */
export interface UserTable {
  readonly name: string
  readonly columns: readonly string[]
  readonly key: readonly KeyColumn[]
}

export interface KeyColumn {
  readonly name: string
  /** As SQL writes it. */
  readonly type: string
}

const TABLES = `
  SELECT c.oid::int AS id, c.relname AS name,
    (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
    (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY k.place)
      FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) AS key,
    (SELECT coalesce(json_agg(f.confrelid::int), '[]') FROM pg_constraint f
      WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS parents
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
  JOIN pg_attribute first ON first.attrelid = c.oid AND first.attnum = i.indkey[0] AND first.attname = 'user_id'
  WHERE i.indisprimary
  ORDER BY c.relname`

interface TableRow extends UserTable {
  readonly id: number
  readonly parents: readonly number[]
}

/** All tables of user data, those that others refer to first. */
export async function findUserTables(client: ClientBase): Promise<readonly UserTable[]> {
  let left = (await client.query<TableRow>(TABLES)).rows
  const sorted: TableRow[] = []
  while (left.length > 0) {
    const waiting = new Set(left.map(({ id }) => id))
    const ready = left.filter(({ parents }) => !parents.some((parent) => waiting.has(parent)))
    if (ready.length === 0) throw new Error(`Tables refer to each other in a circle: ${left.map(({ name }) => name)}`)
    sorted.push(...ready)
    left = left.filter((table) => !ready.includes(table))
  }
  return sorted
}
