import type { SmsSink } from '../replay/sms-sink.ts'

/** The primary device of a user, as k6 reads it. */
export interface Account {
  readonly user: number
  readonly token: string
}

export interface RegistrationOptions {
  readonly url: string
  readonly sms: SmsSink
  readonly firstUser: number
  readonly count: number
  /** For the HTTP API. */
  readonly hosted: boolean
  readonly signal: AbortSignal
}

/** The target refused; the message says what. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
}

const CONCURRENCY = 16
const TIMEOUT_MS = 30_000

/** Registers users one after the other number, as people do. @throws TargetError */
export async function registerAccounts(options: RegistrationOptions): Promise<Account[]> {
  const accounts = Array.from<Account>({ length: options.count })
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < options.count; i = next++) accounts[i] = await register(options, options.firstUser + i)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return accounts
}

async function register({ url, sms, hosted, signal }: RegistrationOptions, user: number): Promise<Account> {
  const phone = `+${user}`
  const { session } = await post(`${url}/v1/registrations`, { phone }, signal)
  const code = await sms.codeFor(phone)
  const { token } = await post(`${url}/v1/registrations/verify`, { phone, code, session, hosted }, signal)
  return { user, token: String(token) }
}

async function post(url: string, body: object, stop: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((error: unknown) => {
    stop.throwIfAborted()
    throw new TargetError(`No server answers at ${new URL(url).origin}`, { cause: error })
  })
  const answer = await response.text()
  if (response.ok) return JSON.parse(answer) as Record<string, unknown>
  const advice = response.status === 429 ? '\nIts LIMITS must be out of the way: see npm run load -- --help' : ''
  throw new TargetError(`${url} answered ${response.status}: ${answer}${advice}`)
}
