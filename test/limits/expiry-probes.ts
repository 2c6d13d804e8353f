import { queryDatabase } from '../helpers/database.ts'
import { startCore } from '../helpers/raw-core.ts'
import type { Probes } from './probe.ts'

/** Envelopes that are over, for somebody who does not fetch them; their sender is nobody. */
async function insertExpired(databaseUrl: string, count: number): Promise<void> {
  await queryDatabase(
    databaseUrl,
    `INSERT INTO envelopes
       (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at, client_id, about, payload)
     SELECT 15550000001, 1, i, 1, 1, 0, false, 1, '', '', '' FROM generate_series(1, $1::int) i`,
    [count],
  )
}

export const expiryProbes: Probes = {
  'expiry.sweepRows': async (t) => {
    const { core, databaseUrl } = await startCore(t, { config: { expiry: { sweepRows: 1, floodRows: 10_000 } } })
    await insertExpired(databaseUrl, 2_001)
    const ended = [await core.sweepExpired(), await core.sweepExpired()]
    return ended.join() === '2000,1' ? 'the next look goes on' : ended.join()
  },
  'expiry.floodRows': async (t) => {
    const { core, messaging, databaseUrl } = await startCore(t)
    await insertExpired(databaseUrl, 21)
    const ended = await core.sweepExpired()
    return ended === 0 && !messaging.expiry.open ? 'nothing expires for a day' : `${ended} have expired`
  },
}
