import type { ClientBase } from 'pg'
import type { DeviceId, UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import type { Shards } from './shards.ts'
import { inTransaction } from './transaction.ts'

/** What the server knows of a signed device list, whose signature was checked. */
export interface SignedList {
  readonly epoch: number
  readonly accountKey: Uint8Array
  readonly previousHash: Uint8Array
  readonly hash: Uint8Array
  /** ms since 1970 */
  readonly expiresAt: number
  readonly devices: readonly {
    readonly device: DeviceId
    readonly registrationId: number
    readonly certHash: Uint8Array
  }[]
  readonly bytes: Uint8Array
}

/** What the server knows of a certificate, whose signatures were checked. */
export interface SignedCert {
  readonly device: DeviceId
  readonly registrationId: number
  readonly hosted: boolean
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
}

/** The newest list of a chain. */
export interface ListTip {
  readonly epoch: number
  readonly accountKey: Buffer
  readonly hash: Buffer
  readonly bytes: Buffer
}

/** A list is not the next of the chain. */
export class ListConflictError extends Error {
  override readonly name = 'ListConflictError'
  /** The newest list there is; undefined: none. */
  readonly tip: Uint8Array | undefined

  constructor(tip: Uint8Array | undefined) {
    super('The list is not the next of the chain')
    this.tip = tip
  }
}

export interface ListChain {
  /** By ascending epoch, at most {@link MAX_LISTS}; the newest is there even if nothing new is, unless there are more. */
  readonly lists: readonly Buffer[]
  /** There are newer ones. */
  readonly more: boolean
  /** Those that the newest list names, by device. */
  readonly certs: readonly Buffer[]
}

/** In one answer. */
const MAX_LISTS = 200

/** The signed device lists of accounts, for others to read. */
export class DeviceLists {
  readonly #shards: Shards<Database>

  constructor(shards: Shards<Database>) {
    this.#shards = shards
  }

  /** The lists after an epoch; undefined: the newest alone. Answers undefined where there is no such user. */
  findChain(user: UserId, since: number | undefined): Promise<ListChain | undefined> {
    return this.#shards.run(user, ({ pool }) =>
      inTransaction(pool, async (client) => {
        await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
        return findChain(client, user, since)
      }),
    )
  }

  /**
   * Of these users, those who had the account key with this SHA-256 once, and have another one now. Whoever knows no key
   * of theirs learns nothing, not even that there is such a user.
   */
  async findChanged(
    known: readonly { readonly user: UserId; readonly hash: Uint8Array }[],
  ): Promise<readonly UserId[]> {
    const found: UserId[] = []
    const byShard = Map.groupBy(known, ({ user }) => this.#shards.homeOf(user))
    for (const group of byShard.values()) {
      const query = {
        name: 'find-changed-identities',
        text: `
          SELECT DISTINCT e.user_id FROM unnest($1::bigint[], $2::bytea[]) AS k (user_id, key_hash)
          JOIN earlier_identities e ON e.user_id = k.user_id AND e.key_hash = k.key_hash
          CROSS JOIN LATERAL (
            SELECT account_key FROM device_lists WHERE user_id = e.user_id ORDER BY epoch DESC LIMIT 1
          ) l
          WHERE sha256(l.account_key) <> k.key_hash`,
        values: [group.map(({ user }) => user), group.map(({ hash }) => hash)],
      }
      const { rows } = await this.#shards.run(group[0]!.user, ({ pool }) => pool.query<{ user_id: string }>(query))
      for (const row of rows) found.push(Number(row.user_id) as UserId)
    }
    return found
  }
}

async function findChain(client: ClientBase, user: UserId, since: number | undefined): Promise<ListChain | undefined> {
  const tip = await findTip(client, user)
  if (tip === undefined) {
    const known = await client.query('SELECT FROM users WHERE user_id = $1', [user])
    return known.rowCount === 0 ? undefined : { lists: [], more: false, certs: [] }
  }
  const from = since === undefined ? tip.epoch : Math.min(since + 1, tip.epoch)
  const { rows } = await client.query<{ epoch: string; list: Buffer }>({
    name: 'find-lists',
    text: `
      SELECT epoch, list FROM device_lists WHERE user_id = $1 AND epoch BETWEEN $2 AND $3
      ORDER BY epoch LIMIT ${MAX_LISTS}`,
    values: [user, from, tip.epoch],
  })
  const more = Number(rows.at(-1)?.epoch ?? tip.epoch) < tip.epoch
  const certs = more ? [] : await findCerts(client, user)
  return { lists: rows.map(({ list }) => list), more, certs: certs.map(({ cert }) => cert) }
}

export async function findTip(client: Pick<ClientBase, 'query'>, user: UserId): Promise<ListTip | undefined> {
  const { rows } = await client.query<{ epoch: string; account_key: Buffer; hash: Buffer; list: Buffer }>({
    name: 'find-tip',
    text: 'SELECT epoch, account_key, hash, list FROM device_lists WHERE user_id = $1 ORDER BY epoch DESC LIMIT 1',
    values: [user],
  })
  const [row] = rows
  return row && { epoch: Number(row.epoch), accountKey: row.account_key, hash: row.hash, bytes: row.list }
}

export interface CertRow {
  readonly device: DeviceId
  readonly registration_id: number
  readonly hosted: boolean
  readonly hash: Buffer
  readonly cert: Buffer
}

export async function findCerts(client: Pick<ClientBase, 'query'>, user: UserId): Promise<readonly CertRow[]> {
  const { rows } = await client.query<CertRow>({
    name: 'find-certs',
    text: `
      SELECT device, registration_id, hosted, hash, cert FROM device_certs WHERE user_id = $1 ORDER BY device`,
    values: [user],
  })
  return rows
}

/** Whether the list is the next of the chain, or the first of one. */
export function follows(list: SignedList, tip: ListTip | undefined): boolean {
  if (tip === undefined) return list.epoch === 1
  return list.epoch === tip.epoch + 1 && tip.hash.equals(list.previousHash)
}

/** Adds the list to the chain, and keeps the certificates that it names: those given, and those that were there. */
export async function insertList(
  client: ClientBase,
  user: UserId,
  list: SignedList,
  certs: readonly SignedCert[],
): Promise<void> {
  await client.query(
    `INSERT INTO device_lists (user_id, epoch, account_key, hash, expires_at, list) VALUES ($1, $2, $3, $4, $5, $6)`,
    [user, list.epoch, list.accountKey, list.hash, list.expiresAt, list.bytes],
  )
  const devices = list.devices.map(({ device }) => device)
  await client.query('DELETE FROM device_certs WHERE user_id = $1 AND device <> ALL ($2::smallint[])', [user, devices])
  for (const cert of certs) {
    await client.query(
      `INSERT INTO device_certs (user_id, device, registration_id, hosted, hash, cert) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (user_id, device) DO UPDATE
       SET registration_id = excluded.registration_id, hosted = excluded.hosted, hash = excluded.hash,
           cert = excluded.cert`,
      [user, cert.device, cert.registrationId, cert.hosted, cert.hash, cert.bytes],
    )
  }
}

/** Earlier account keys of a user that are remembered: the newest. */
const MAX_EARLIER_IDENTITIES = 16

/** Forgets the chain and its certificates: another one, under another account key, begins. The key is remembered by its hash. */
export async function deleteChain(client: ClientBase, user: UserId, accountKey: Uint8Array): Promise<void> {
  await client.query(
    `INSERT INTO earlier_identities (user_id, key_hash) VALUES ($1, sha256($2))
     ON CONFLICT (user_id, key_hash) DO UPDATE SET replaced_at = now()`,
    [user, accountKey],
  )
  await client.query(
    `DELETE FROM earlier_identities WHERE user_id = $1 AND key_hash NOT IN (
       SELECT key_hash FROM earlier_identities WHERE user_id = $1
       ORDER BY replaced_at DESC LIMIT ${MAX_EARLIER_IDENTITIES})`,
    [user],
  )
  await client.query('DELETE FROM device_lists WHERE user_id = $1', [user])
  await client.query('DELETE FROM device_certs WHERE user_id = $1', [user])
}
