import type { UserId } from '../../src/shared/ids.ts'
import { IdempotencyKeys } from '../../src/storage/idempotency-keys.ts'
import { Shards } from '../../src/storage/shards.ts'
import { createTestDatabase, openDatabase } from '../helpers/database.ts'
import type { Probes } from './probe.ts'

export const idempotencyProbes: Probes = {
  'accounts.maxIdempotencyKeys': async (t) => {
    const database = await openDatabase(await createTestDatabase(t))
    t.teardown(() => database.close())
    const options = { idempotencyLifetimeMs: 86_400_000, maxIdempotencyKeys: 2 }
    // Every claim looks whether there are too many, not only one in many.
    const keys = new IdempotencyKeys(new Shards([database]), options, () => 0)
    const claim = async (name: string): Promise<string> => {
      const request = { user: 1 as UserId, keyHash: Buffer.from(name), requestHash: Buffer.from('request') }
      return (await keys.claim(request)).outcome
    }
    for (const name of ['first', 'second', 'third']) await claim(name)
    const outcomes = [await claim('third'), await claim('first')]
    return outcomes.join() === 'busy,claimed' ? 'the oldest are forgotten' : outcomes.join()
  },
}
