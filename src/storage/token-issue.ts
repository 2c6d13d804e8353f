import type { Address } from '../shared/ids.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'
import { createPlainToken, createToken } from './token.ts'

/** A new token, of a sort that every node reads which may still run beside this one. The first database says which. */
export async function issueToken(shards: Shards<Database>, address: Address): Promise<string> {
  const { rows } = await shards.all[0]!.pool.query<{ masked: boolean }>({
    name: 'masked-tokens',
    text: 'SELECT since <= now() AS masked FROM masked_tokens',
  })
  return rows[0]?.masked === true ? createToken(address) : createPlainToken(address)
}
