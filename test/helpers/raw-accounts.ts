import { randomInt, randomUUID } from 'node:crypto'
import { Client } from 'pg'
import type { Address, DeviceId, UserId } from '../../src/shared/ids.ts'
import { createToken, hashToken } from '../../src/storage/token.ts'

export interface RawDevice {
  readonly address: Address
  readonly user: number
  readonly device: number
  readonly token: string
}

let next = randomInt(1_000) * 100_000

/** A user id that this process has not given before. */
export function newUser(): UserId {
  return (15_500_000_000 + next++) as UserId
}

/** Writes an account with so many devices straight into the database. */
export async function createAccount(
  databaseUrl: string,
  options: { readonly user?: UserId; readonly devices?: number; readonly hosted?: boolean } = {},
): Promise<RawDevice[]> {
  const user = options.user ?? newUser()
  return withClient(databaseUrl, async (client) => {
    await client.query('INSERT INTO users (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [user])
    const devices: RawDevice[] = []
    for (let device = 1; device <= (options.devices ?? 1); device++) {
      const address = { user, device: device as DeviceId }
      const token = createToken(address)
      await client.query(
        'INSERT INTO devices (user_id, device, registration, token_hash, hosted) VALUES ($1, $2, $3, $4, $5)',
        [user, device, randomUUID(), hashToken(token), options.hosted ?? false],
      )
      devices.push({ address, user, device, token })
    }
    return devices
  })
}

/** Writes so many accounts, in one statement a table. @returns their primaries */
export async function createAccounts(databaseUrl: string, count: number, devices = 1): Promise<RawDevice[]> {
  const primaries = Array.from({ length: count }, (): RawDevice => {
    const address = { user: newUser(), device: 1 as DeviceId }
    return { address, user: address.user, device: 1, token: createToken(address) }
  })
  const users = primaries.map(({ user }) => user)
  const hashes = primaries.map(({ token }) => hashToken(token))
  await withClient(databaseUrl, async (client) => {
    await client.query('INSERT INTO users (user_id) SELECT unnest($1::bigint[])', [users])
    await client.query(
      `INSERT INTO devices (user_id, device, registration, token_hash, hosted)
       SELECT user_id, device, gen_random_uuid(), CASE device WHEN 1 THEN token_hash ELSE sha256(uuid_send(gen_random_uuid())) END, false
       FROM unnest($1::bigint[], $2::bytea[]) AS new (user_id, token_hash), generate_series(1, $3) AS device`,
      [users, hashes, devices],
    )
  })
  return primaries
}

/** How many rows a mailbox has. */
export async function countRows(databaseUrl: string, to: RawDevice | Address): Promise<number> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM envelopes WHERE user_id = $1 AND device = $2',
      [to.user, to.device],
    )
    return rows[0]!.count
  })
}

export async function withClient<Answer>(
  databaseUrl: string,
  run: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const client = new Client(databaseUrl)
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
