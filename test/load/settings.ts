import { SharedArray } from 'k6/data'

/** The primary device of a user. */
export interface Account {
  readonly user: number
  readonly token: string
}

/** What the launcher (tools/load) hands over, by variables and one file. */
export const settings = {
  /** The target, without a slash at its end. */
  url: read('URL'),
  encoding: read('ENCODING') === 'binary' ? 'binary' : 'json',
  /** Devices, or mailboxes, or users of the HTTP API. */
  vus: Number(read('VUS')),
  /** Of the storm: those who stay and write, in pairs. */
  writers: Number(read('WRITERS')),
  durationMs: Number(read('DURATION_MS')),
  /** Of each device: messages a second. */
  rate: Number(read('RATE')),
  /** Of each mailbox that fills. */
  messages: Number(read('MESSAGES')),
  payloadBytes: Number(read('PAYLOAD_BYTES')),
  /** What the latencies of messages and requests must keep below, but for 1 %. */
  p99Ms: Number(read('P99_MS')),
  /** Where codes of registrations are read. */
  codesUrl: read('CODES_URL'),
  /** The first of the users that a scenario itself may register. */
  firstNewUser: Number(read('FIRST_NEW_USER')),
} as const

const accounts = new SharedArray<Account>('accounts', () => JSON.parse(open(read('ACCOUNTS'))) as Account[])

export function requireAccount(index: number): Account {
  const account = accounts[index]
  if (account === undefined) throw new RangeError(`There is no account ${index}`)
  return account
}

/** How long devices take to connect when they come one after the other, as k6 and a small machine bear it. */
export const RAMP_MS = Math.max(1_000, settings.vus * 20)

/** For `maxDuration` and the like. */
export function seconds(ms: number): string {
  return `${Math.ceil(ms / 1_000)}s`
}

function read(name: string): string {
  const value = __ENV[name]
  if (value === undefined) throw new ReferenceError(`${name} is not set: run this by npm run load`)
  return value
}
