import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import type { DeviceId, UserId } from '../../src/shared/ids.ts'
import { createToken, hashToken } from '../../src/storage/token.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import type { SmsSink } from './sms-sink.ts'

/** The primary device of a user. */
export interface Account {
  readonly user: number
  readonly token: string
}

const FIRST_USER = 15_550_000_000
const FIRST_INSERTED_USER = 15_560_000_000
/** Registrations at a time. */
const CONCURRENCY = 16

/** Registers users as people do, over HTTP. */
export async function registerAccounts(server: ServerUnderTest, sms: SmsSink, count: number): Promise<Account[]> {
  const accounts = Array.from<Account>({ length: count })
  const { url } = server.nodes[0]!
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) accounts[i] = await register(url, sms, FIRST_USER + i)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return accounts
}

/** Puts users with a device each straight into the database: for large numbers. */
export async function insertAccounts(server: ServerUnderTest, count: number): Promise<Account[]> {
  const accounts = Array.from({ length: count }, (_, i): Account => {
    const user = FIRST_INSERTED_USER + i
    return { user, token: createToken({ user: user as UserId, device: 1 as DeviceId }) }
  })
  const client = new Client(server.databaseUrl)
  await client.connect()
  const users = accounts.map(({ user }) => user)
  await client.query('INSERT INTO users (user_id) SELECT unnest($1::bigint[])', [users])
  await client.query(
    `INSERT INTO devices (user_id, device, registration, token_hash)
     SELECT user_id, 1, registration, token_hash
     FROM unnest($1::bigint[], $2::uuid[], $3::bytea[]) AS d (user_id, registration, token_hash)`,
    [users, users.map(() => randomUUID()), accounts.map(({ token }) => hashToken(token))],
  )
  await client.query('ANALYZE users, devices')
  await client.end()
  return accounts
}

async function register(url: string, sms: SmsSink, user: number): Promise<Account> {
  const phone = `+${user}`
  await post(`${url}/v1/registrations`, { phone })
  const code = sms.requireCode(phone)
  const { token } = await post(`${url}/v1/registrations/verify`, { phone, code })
  return { user, token: String(token) }
}

async function post(url: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${answer}`)
  return JSON.parse(answer) as Record<string, unknown>
}
