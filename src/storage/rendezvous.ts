import { randomBytes } from 'node:crypto'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'

export const MAX_LINK_MESSAGES = 8
const ID_BYTES = 16

export interface LinkMessage {
  /** From 1. */
  readonly number: number
  readonly message: Uint8Array
}

export type PostOutcome =
  | { readonly outcome: 'posted'; readonly number: number }
  /** It never was, or its time is over. */
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'full' }

/**
 * Where a new device and a primary meet, before the server can know whose device it will be: whoever knows the id reads
 * and writes. All are in the first database.
 */
export class Rendezvous {
  readonly #database: Database
  readonly #lifetimeMs: number

  constructor(shards: Shards<Database>, lifetimeMs: number) {
    this.#database = shards.all[0]!
    this.#lifetimeMs = lifetimeMs
  }

  /** The id of a new one. */
  async open(): Promise<Buffer> {
    const id = randomBytes(ID_BYTES)
    await this.#database.pool.query(
      `INSERT INTO link_messages (rendezvous_id, number, message, expires_at) VALUES ($1, 0, '', clock_timestamp() + $2 * interval '1 ms')`,
      [id, this.#lifetimeMs],
    )
    return id
  }

  async post(id: Uint8Array, message: Uint8Array): Promise<PostOutcome> {
    for (;;) {
      const head = await this.#find(id, 0)
      if (head === undefined) return { outcome: 'unknown' }
      const number = head.count
      if (number > MAX_LINK_MESSAGES) return { outcome: 'full' }
      const { rowCount } = await this.#database.pool.query(
        `INSERT INTO link_messages (rendezvous_id, number, message, expires_at)
         SELECT rendezvous_id, $2, $3, expires_at FROM link_messages WHERE rendezvous_id = $1 AND number = 0
         ON CONFLICT DO NOTHING`,
        [id, number, message],
      )
      // Else another one came at the same time, and took the number.
      if (rowCount === 1) return { outcome: 'posted', number }
    }
  }

  /** The messages after a number; undefined: there is no such rendezvous, or no more. */
  async read(id: Uint8Array, after: number): Promise<readonly LinkMessage[] | undefined> {
    return (await this.#find(id, after))?.messages
  }

  async #find(
    id: Uint8Array,
    after: number,
  ): Promise<{ readonly messages: readonly LinkMessage[]; readonly count: number } | undefined> {
    const { rows } = await this.#database.pool.query<{ number: number; message: Buffer }>({
      name: 'read-link-messages',
      text: `
        SELECT number, message FROM link_messages WHERE rendezvous_id = $1 AND expires_at > clock_timestamp()
        ORDER BY number`,
      values: [id],
    })
    if (rows.length === 0) return undefined
    return { messages: rows.filter(({ number }) => number > after), count: rows.length }
  }
}
