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

/** Writes so many accounts with one device each, in one statement a table. */
export async function createAccounts(databaseUrl: string, count: number): Promise<RawDevice[]> {
  const devices = Array.from({ length: count }, (): RawDevice => {
    const address = { user: newUser(), device: 1 as DeviceId }
    return { address, user: address.user, device: 1, token: createToken(address) }
  })
  const users = devices.map(({ user }) => user)
  await withClient(databaseUrl, async (client) => {
    await client.query('INSERT INTO users (user_id) SELECT unnest($1::bigint[])', [users])
    await client.query(
      `INSERT INTO devices (user_id, device, registration, token_hash, hosted)
       SELECT user_id, 1, gen_random_uuid(), token_hash, false FROM unnest($1::bigint[], $2::bytea[]) AS new (user_id, token_hash)`,
      [users, devices.map(({ token }) => hashToken(token))],
    )
  })
  return devices
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
