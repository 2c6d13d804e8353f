import { Client } from 'pg'

/** The first row of one statement, over a connection of its own. */
export async function queryOnce<Row extends object>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  const client = new Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<Row>(text, [...values])
    return rows[0] as Row
  } finally {
    await client.end()
  }
}
