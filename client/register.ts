import { RefusedError } from './errors.ts'

/** What a registration gives; the token is the device's only credential. */
export interface Account {
  readonly user: number
  readonly device: number
  readonly token: string
}

export interface VerifyOptions {
  /** Shown in the list of the user's devices. */
  readonly name: string
  /** For example `node`, `web`. */
  readonly platform: string
  /** Demanded when the account has one. */
  readonly pin?: string
}

const TIMEOUT_MS = 30_000

/**
 * Asks for a code, which goes to the phone by text message.
 *
 * @param url - the server
 * @param phone - with or without "+"
 * @returns for how many seconds the code can be used
 * @throws {RefusedError} for example RATE_LIMITED, SMS_FAILED
 */
export async function register(url: string, phone: string): Promise<number> {
  const answer = await post<{ expiresInSeconds: number }>(url, '/v1/registrations', { phone: withPlus(phone) })
  return answer.expiresInSeconds
}

/**
 * Makes this device the primary one of the phone number. Sessions of the primary before it end.
 *
 * @throws {RefusedError} for example WRONG_CODE, PIN_REQUIRED, RATE_LIMITED
 */
export async function verify(url: string, phone: string, code: string, options: VerifyOptions): Promise<Account> {
  const { name, platform, pin } = options
  const body = { phone: withPlus(phone), code, device: { name, platform }, ...(pin === undefined ? {} : { pin }) }
  const answer = await post<{ user: string; device: number; token: string }>(url, '/v1/registrations/verify', body)
  return { user: Number(answer.user), device: answer.device, token: answer.token }
}

/** A problem document, RFC 9457. */
interface Problem {
  readonly code?: string
  readonly title?: string
  readonly detail?: string
  readonly errors?: readonly { readonly field?: string; readonly message?: string }[]
}

async function post<T>(url: string, path: string, body: object): Promise<T> {
  let response: Response
  try {
    response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (error) {
    throw new RefusedError('UNREACHABLE', `No server answers at ${url}`, true, 0, { cause: error })
  }
  const answer = (await response.json().catch(() => ({}))) as T & Problem
  if (response.ok) return answer
  const temporary = response.status === 429 || response.status >= 500
  const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0
  throw new RefusedError(answer.code ?? 'INTERNAL', describe(answer, response.status), temporary, retryAfterMs)
}

function describe({ title, detail, errors = [] }: Problem, status: number): string {
  const fields = errors.map(({ field = '', message = '' }) => `${field} ${message}`)
  return [detail ?? title ?? `The server answered ${status}`, ...fields].join(': ')
}

function withPlus(phone: string): string {
  return phone.startsWith('+') ? phone : `+${phone}`
}
