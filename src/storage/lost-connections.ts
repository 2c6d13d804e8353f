import type { Pool, PoolClient } from 'pg'

/** By then whoever used it has heard of its end, and has given it back. */
const GRACE_MS = 1_000

/**
 * Takes back the connections of a pool that have ended and that nobody gives back: a unit of work of the ORM does not where
 * its rollback fails, too. Without it each of them would take a place of the pool for good.
 */
export function reclaimLostConnections(pool: Pool): void {
  const used = new Set<PoolClient>()
  pool.on('acquire', (client) => void used.add(client))
  pool.on('release', (_error, client) => void used.delete(client))
  pool.on('connect', (client) => {
    const reclaim = (): void => {
      if (used.has(client)) client.release(true)
    }
    client.once('end', () => setTimeout(reclaim, GRACE_MS))
  })
}
