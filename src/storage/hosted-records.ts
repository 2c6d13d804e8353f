import type { Pool, PoolClient } from 'pg'
import type { Address } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Database } from './database.ts'
import { HostedTransaction } from './hosted-transaction.ts'
import type { Shards } from './shards.ts'

/** The store of a hosted device belongs to an installation that is gone. */
export class HostedDeviceGoneError extends Error {
  override readonly name = 'HostedDeviceGoneError'
}

const LOCK_NOT_AVAILABLE = '55P03'
const FOREIGN_KEY_VIOLATION = '23503'
const BUSY_RETRY_MS = 1_000

/** The sealed stores of hosted devices. One transaction at a time works on a device, whichever node it is on. */
export class HostedRecords {
  readonly #shards: Shards<Database>
  readonly #pools: ReadonlyMap<Database, Pool>

  /** @param connections - transactions at a time, per database */
  constructor(shards: Shards<Database>, connections: number) {
    this.#shards = shards
    this.#pools = new Map(shards.all.map((database) => [database, database.createHostedPool(connections)]))
  }

  /**
   * Runs a transaction. What `work` reads stays true until what it writes is committed; nothing is written if it throws.
   * An error of the connection during the commit leaves open whether it was written.
   * @throws RefusalError with UNAVAILABLE while the user's data moves, with OVERLOADED when the device is busy elsewhere
   * @throws HostedDeviceGoneError when there is no such device
   */
  async run<Answer>(address: Address, work: (transaction: HostedTransaction) => Promise<Answer>): Promise<Answer> {
    let committed: { readonly answer: Answer } | undefined
    try {
      return await this.#shards.run(address.user, async (database) => {
        const { answer, wrote } = await transact(this.#pools.get(database)!, address, work)
        // The guard of a slot lets through what is written where the slot is served, and nothing else.
        if (wrote) committed = { answer }
        return answer
      })
    } catch (error) {
      if (committed !== undefined) return committed.answer
      throw toRefusal(error)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.end()))
  }
}

async function transact<Answer>(
  pool: Pool,
  address: Address,
  work: (transaction: HostedTransaction) => Promise<Answer>,
): Promise<{ answer: Answer; wrote: boolean }> {
  const client = await pool.connect()
  // The query that is under way says it too.
  const ignore = (): void => undefined
  client.on('error', ignore)
  let usable = false
  try {
    const transaction = new HostedTransaction(client, address)
    const answer = await work(transaction)
    await transaction.commit()
    usable = true
    return { answer, wrote: transaction.wrote }
  } catch (error) {
    usable = await rollBack(client)
    throw error
  } finally {
    client.off('error', ignore)
    client.release(!usable)
  }
}

async function rollBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK')
    return true
  } catch {
    return false
  }
}

function toRefusal(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === FOREIGN_KEY_VIOLATION) return new HostedDeviceGoneError('There is no such device', { cause: error })
  if (code !== LOCK_NOT_AVAILABLE) return error
  const message = 'The device is in use: try again'
  return new RefusalError('OVERLOADED', message, { retryAfterMs: BUSY_RETRY_MS, cause: error })
}
