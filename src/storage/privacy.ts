import type { DeviceId, UserId } from '../shared/ids.ts'
import { Batcher } from '../shared/batcher.ts'
import type { Database } from './database.ts'
import { unavailable } from './shards.ts'
import type { Shards } from './shards.ts'

/** Whom a user shows their presence. */
export const lastSeenChoices = ['everyone', 'contacts', 'nobody'] as const

export type LastSeenChoice = (typeof lastSeenChoices)[number]

/** A choice that this version does not know shows nothing. */
export function parseLastSeenChoice(value: string): LastSeenChoice {
  return lastSeenChoices.find((choice) => choice === value) ?? 'nobody'
}

/** What one user's rows say about presence, as to another user. */
export interface PresenceRecord {
  /** Whether the user's choice lets the other one see. */
  readonly shown: boolean
  /** ms since 1970; 0: never seen. */
  readonly lastSeen: number
  /** Those that connect: the hosted ones do not. */
  readonly devices: readonly DeviceId[]
}

export interface PresenceRecordsOptions {
  /** Pairs a statement. */
  readonly lookupBatch: number
  /** Per database; more are refused with OVERLOADED. */
  readonly maxWaitingLookups: number
}

export interface PresenceRecordsEvents {
  taskFailed(task: string, error: unknown): void
}

interface Pair {
  readonly owner: UserId
  readonly other: UserId
}

const NOBODY: PresenceRecord = { shown: false, lastSeen: 0, devices: [] }

/** Reads presence records, many in one statement, and one statement at a time in each database. */
export class PresenceRecords {
  readonly #shards: Shards<Database>
  readonly #batchers: readonly Batcher<Pair, PresenceRecord>[]

  constructor(shards: Shards<Database>, options: PresenceRecordsOptions, events: PresenceRecordsEvents) {
    let asked = 0
    this.#shards = shards
    this.#batchers = shards.all.map(
      (database) =>
        new Batcher<Pair, PresenceRecord>({
          maxBatch: options.lookupBatch,
          maxWaiting: options.maxWaitingLookups,
          // The same pair may be in a batch twice.
          keyOf: () => String(asked++),
          run: async (pairs) => {
            try {
              return await readPresenceRecords(database, pairs)
            } catch (error) {
              events.taskFailed('looking up presence', error)
              throw error
            }
          },
        }),
    )
  }

  /**
   * What `owner`'s rows say, as to `other`. Nobody is shown of a user who does not exist.
   * @throws RefusalError with OVERLOADED when too many wait already; what the database says when it is away
   */
  async find(owner: UserId, other: UserId): Promise<PresenceRecord> {
    const index = this.#shards.indexOf(owner)
    const record = await this.#batchers[index]!.add({ owner, other })
    if (!this.#shards.serves(index, owner)) throw unavailable()
    return record
  }
}

async function readPresenceRecords(database: Database, pairs: readonly Pair[]): Promise<readonly PresenceRecord[]> {
  const { rows } = await database.pool.query<{ n: string; shown: boolean; at: string | null; devices: DeviceId[] }>({
    name: 'presence-records',
    text: `
      SELECT p.n, u.last_seen_at AS at,
        CASE u.last_seen_to
          WHEN 'everyone' THEN true
          WHEN 'contacts' THEN EXISTS (SELECT FROM contacts c WHERE c.user_id = u.user_id AND c.contact = p.other)
          ELSE false
        END AS shown,
        ARRAY (SELECT d.device FROM devices d WHERE d.user_id = u.user_id AND NOT d.hosted) AS devices
      FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS p (owner, other, n)
      JOIN users u ON u.user_id = p.owner`,
    values: [pairs.map(({ owner }) => owner), pairs.map(({ other }) => other)],
  })
  const records: PresenceRecord[] = pairs.map(() => NOBODY)
  for (const { n, shown, at, devices } of rows) records[Number(n) - 1] = { shown, lastSeen: Number(at ?? 0), devices }
  return records
}
